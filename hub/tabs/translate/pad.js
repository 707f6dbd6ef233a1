// Paper, a pen and an eraser. The component's value is the drawing as a PNG in a data URI, or null while the paper is
// blank; it is told again and again while one draws. `settings` says which paper: see Paper in draw.py.
const canvas = element.querySelector('canvas')
const context = canvas.getContext('2d')
const colour = element.querySelector('input[type=color]')
const thickness = element.querySelector('input[type=range]')
const starts = element.querySelector('.pad-starts')
const EVERY = 150  // milliseconds between two tellings while the pen is down

let marks = []  // all that is on the paper, in order: strokes, in shares of the width, and pictures to begin with
let stroke = null
let tool = 'pen'
let told = 0
let telling = null

function tell() {
  clearTimeout(telling)
  telling = null
  told = performance.now()
  props.value = marks.length || stroke ? canvas.toDataURL('image/png') : null
  trigger('input')
}

function tellSoon() {
  telling ??= setTimeout(tell, Math.max(0, EVERY - (performance.now() - told)))
}

function draw(mark, from = 0) {
  if (mark.picture) return context.drawImage(mark.picture, 0, 0, canvas.width, canvas.height)
  const points = mark.points.map(([x, y]) => [x * canvas.width, y * canvas.width])
  context.strokeStyle = context.fillStyle = mark.colour || props.settings.paper
  context.lineWidth = mark.thickness * canvas.width
  context.lineCap = context.lineJoin = 'round'
  context.beginPath()
  const first = Math.max(0, from - 2)
  context.moveTo(...points[first])
  // Through the middles of neighbouring points, each point pulling the line towards itself: no corners.
  for (let at = first + 1; at < points.length; at++) {
    const middle = [(points[at - 1][0] + points[at][0]) / 2, (points[at - 1][1] + points[at][1]) / 2]
    context.quadraticCurveTo(...points[at - 1], ...middle)
  }
  context.lineTo(...points.at(-1))
  context.stroke()
}

function drawAll() {
  context.fillStyle = props.settings.paper
  context.fillRect(0, 0, canvas.width, canvas.height)
  marks.forEach(mark => draw(mark))
}

function place(event) {
  const box = canvas.getBoundingClientRect()
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.width]
}

function end(event) {
  if (!stroke || event.pointerId !== stroke.pointer) return
  marks.push(stroke)
  stroke = null
  drawAll()  // in one piece it is smoother than it was in parts
  tell()
}

canvas.addEventListener('pointerdown', event => {
  if (stroke || event.button !== 0) return
  event.preventDefault()
  canvas.focus({preventScroll: true})
  canvas.setPointerCapture(event.pointerId)
  const erases = tool === 'eraser'
  stroke = {
    pointer: event.pointerId, points: [place(event)], colour: erases ? null : colour.value,
    thickness: thickness.value / 100 * (erases ? 3 : 1),
  }
  draw(stroke)
  tellSoon()
})
canvas.addEventListener('pointermove', event => {
  if (!stroke || event.pointerId !== stroke.pointer) return
  const before = stroke.points.length
  const moves = event.getCoalescedEvents?.() ?? []
  for (const move of moves.length ? moves : [event]) stroke.points.push(place(move))
  draw(stroke, before)
  tellSoon()
})
canvas.addEventListener('pointerup', end)
canvas.addEventListener('pointercancel', end)

function undo() {
  if (!marks.length) return
  marks.pop()
  drawAll()
  tell()
}

function begin(picture) {
  marks = picture ? [{picture}] : []
  drawAll()
  tell()
}

element.addEventListener('click', event => {
  const button = event.target.closest('button')
  if (!button) return
  if (button.dataset.tool) {
    tool = button.dataset.tool
    for (const each of element.querySelectorAll('[data-tool]')) each.setAttribute('aria-pressed', each === button)
  }
  if (button.dataset.do === 'undo') undo()
  if (button.dataset.do === 'clear') begin(null)
  if (button.dataset.start) begin(button.querySelector('img'))
})
canvas.addEventListener('keydown', event => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'z') { event.preventDefault(); undo() }
})

function settle() {
  const settings = props.settings
  if (!settings || !settings.width) return
  canvas.width = settings.width
  canvas.height = settings.height
  colour.value = settings.ink
  colour.parentElement.hidden = !settings.coloured
  thickness.value = settings.thickness
  starts.replaceChildren(...settings.starts.map((source, index) => {
    const button = Object.assign(document.createElement('button'), {type: 'button'})
    button.dataset.start = 'yes'
    button.setAttribute('aria-label', `Begin with example ${index + 1}`)
    button.append(Object.assign(new Image(), {src: source, alt: ''}))
    return button
  }))
  drawAll()
  tell()
}
watch('settings', settle)
settle()
