"""The pages, one file a tab: Gradio only, no arithmetic. A tab appears where a model of its task is known."""
