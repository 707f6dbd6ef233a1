"""A bundle in C#: a whole Program.cs for Microsoft.ML.OnnxRuntime, with SkiaSharp for picture files."""

from hub.snippets.plan import CLIP_MEAN, CLIP_STD, SEED, TOKENS, Input, Output, Plan, Step, quoted

GAUSSIAN = """
float Gaussian() =>
    (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));"""

READ = """
// The pixels of a picture file, resized, channels last.
DenseTensor<byte> Read(string path, int height, int width, int channels)
{
    using var file = SKBitmap.Decode(path);
    using var picture = file.Resize(new SKImageInfo(width, height), new SKSamplingOptions(SKCubicResampler.Mitchell));
    var pixels = new DenseTensor<byte>(new[] { 1, height, width, channels });
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
        {
            var colour = picture.GetPixel(x, y);
            var grey = (byte)Math.Round(0.299 * colour.Red + 0.587 * colour.Green + 0.114 * colour.Blue);
            var values = new[] { channels == 1 ? grey : colour.Red, colour.Green, colour.Blue, colour.Alpha };
            for (int channel = 0; channel < channels; channel++)
                pixels[0, y, x, channel] = values[channel];
        }
    return pixels;
}"""

RANDOM_PIXELS = """
// Stands for your picture.
DenseTensor<byte> RandomPixels(int height, int width, int channels)
{
    var bytes = new byte[height * width * channels];
    random.NextBytes(bytes);
    return new DenseTensor<byte>(bytes, new[] { 1, height, width, channels });
}"""

SAVE = """
// One picture of a batch as a PNG; its pixels have 1, 3 or 4 channels, last.
void Save(Tensor<byte> pixels, int number, string path)
{
    int height = pixels.Dimensions[1], width = pixels.Dimensions[2], channels = pixels.Dimensions[3];
    byte At(int y, int x, int channel) => pixels[number, y, x, Math.Min(channel, channels - 1)];
    using var picture = new SKBitmap(width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            picture.SetPixel(x, y, new SKColor(
                At(y, x, 0), At(y, x, 1), At(y, x, 2), channels == 4 ? At(y, x, 3) : (byte)255));
    using var file = File.Create(path);
    picture.Encode(file, SKEncodedImageFormat.Png, 100);
}"""


def program(plan: Plan) -> str:
    """``Program.cs``; it runs in the bundle's folder and writes pictures as PNG files."""
    draws = plan.reads_pictures or bool(plan.uses & {"pictures", "heatmap"})
    configured = "planes" in plan.roles and plan.has("preprocessor_config.json")
    lines = [
        "// In the bundle's folder: dotnet new console --name Run && cd Run",
        "//   dotnet add package Microsoft.ML.OnnxRuntime",
        *(["//   dotnet add package SkiaSharp  (on Linux also SkiaSharp.NativeAssets.Linux.NoDependencies)"] * draws),
        "// Put this into Program.cs, then: cd .. && dotnet run --project Run",
        *(["using System.Text.Json;"] * configured),
        "using Microsoft.ML.OnnxRuntime;",
        "using Microsoft.ML.OnnxRuntime.Tensors;",
        *(["using SkiaSharp;"] * draws),
    ]
    if "noise" in plan.roles or plan.random_pictures:
        lines += ["", f"var random = new Random({SEED});"]
    for number, step in enumerate(plan.steps):
        lines.append("")
        for each in step.inputs:
            lines += _input(each, plan)
        lines += _run(step, number)
        for output in step.outputs:
            lines += _output(output, plan)
    needed = {
        GAUSSIAN: "noise" in plan.roles,
        READ: plan.reads_pictures,
        RANDOM_PIXELS: plan.random_pictures,
        SAVE: bool(plan.uses & {"pictures", "heatmap"}),
    }
    for function, wanted in needed.items():
        lines += function.splitlines() if wanted else []
    return "\n".join(lines) + "\n"


def _input(each: Input, plan: Plan) -> list[str]:
    name, shape = each.name, ", ".join(map(str, each.shape))

    def tensor(kind: str, data: str) -> str:
        return f"var {name} = new DenseTensor<{kind}>({data}, new[] {{ {shape} }});"

    def filled(kind: str, value: str) -> str:
        return tensor(kind, f"Enumerable.Repeat({value}, {each.size}).ToArray()")

    match each.role:
        case "noise":
            return [tensor("float", f"Enumerable.Range(0, {each.size}).Select(_ => Gaussian()).ToArray()")]
        case "label":
            return [
                f"long InTurn(int number) => number % {len(plan.bundle.labels)};  // every class",
                tensor("long", f"Enumerable.Range(0, {shape}).Select(InTurn).ToArray()"),
            ]
        case "picture":
            return [f"var {name} = {_pixels(each, *each.shape[1:])};"]
        case "mask":
            _, height, width, _ = each.shape
            return [
                f"var {name} = new DenseTensor<byte>(new[] {{ {shape} }});",
                f"for (int y = {height // 4}; y < {height * 3 // 4}; y++)",
                f"    for (int x = {width // 4}; x < {width * 3 // 4}; x++)",
                f"        {name}[0, y, x, 0] = 255;  // the hole",
            ]
        case "planes":
            return _planes(each, plan)
        case "strength":
            return [filled("float", "1f") + "  // 0 keeps the content, 1 is all style"]
        case "level":
            return [filled("float", "-1f") + "  // how much to take out; below 0, the model finds out"]
        case "tokens":
            ids = ", ".join(f"{token}L" for token in TOKENS)
            return [tensor("long", f"new[] {{ {ids} }}") + "  // the tokens of your text"]
        case "attention":
            return [filled("long", "1L")]
    return []


def _planes(each: Input, plan: Plan) -> list[str]:
    _, _, height, width = each.shape
    numbers = [", ".join(f"{value}f" for value in values) for values in (CLIP_MEAN, CLIP_STD)]
    lines = [f"float[] mean = {{ {numbers[0]} }}, std = {{ {numbers[1]} }};"]
    if plan.has("preprocessor_config.json"):
        read = 'config.RootElement.GetProperty("{}").EnumerateArray().Select(value => value.GetSingle()).ToArray()'
        lines = [
            'using var config = JsonDocument.Parse(File.ReadAllText("preprocessor_config.json"));',
            *(f"var {name} = {read.format(f'image_{name}')};" for name in ("mean", "std")),
        ]
    return [
        *lines,
        f"var pixels = {_pixels(each, height, width, 3)};",
        f"var {each.name} = new DenseTensor<float>(new[] {{ 1, 3, {height}, {width} }});",
        "for (int channel = 0; channel < 3; channel++)",
        f"    for (int y = 0; y < {height}; y++)",
        f"        for (int x = 0; x < {width}; x++)",
        f"            {each.name}[0, channel, y, x] ="
        " (pixels[0, y, x, channel] / 255f - mean[channel]) / std[channel];",
    ]


def _pixels(each: Input, height: int, width: int, channels: int) -> str:
    if each.picture:
        return f"Read({quoted(each.picture)}, {height}, {width}, {channels})"
    return f"RandomPixels({height}, {width}, {channels})"


def _run(step: Step, number: int) -> list[str]:
    session = "session" if number == 0 else f"session{number + 1}"
    outputs = "outputs" if number == 0 else f"outputs{number + 1}"
    kinds = {"pictures": "byte"}
    feeds = [f'    NamedOnnxValue.CreateFromTensor("{each.name}", {each.name}),' for each in step.inputs]
    return [
        f"using var {session} = new InferenceSession({quoted(step.path)});",
        f"using var {outputs} = {session}.Run(new[]",
        "{",
        *feeds,
        "});",
        *(
            f'var {output.name} = {outputs}.First(each => each.Name == "{output.name}")'
            f".AsTensor<{kinds.get(output.use, 'float')}>();"
            for output in step.outputs
        ),
    ]


def _output(output: Output, plan: Plan) -> list[str]:
    name = output.name
    match output.use:
        case "pictures":
            return [
                f"for (int number = 0; number < {name}.Dimensions[0]; number++)",
                f'    Save({name}, number, $"{name}-{{number:00}}.png");',
            ]
        case "heatmap":
            sizes = f"{name}.Dimensions[0], {name}.Dimensions[1], {name}.Dimensions[2], 1"
            return [
                f"var levels = new DenseTensor<byte>({name}.Select(value => (byte)(value * 255)).ToArray(),",
                f"    new[] {{ {sizes} }});",
                f'Save(levels, 0, "{name}.png");',
            ]
        case "score":
            threshold = plan.bundle.threshold
            beside = "" if threshold is None else f", anomalous above {threshold:g}"
            return [f'Console.WriteLine($"{name} {{{name}[0]}}{beside}");']
        case "embedding":
            return [f'Console.WriteLine("{name}: " + string.Join(" ", {name}));']
    return []
