"""The page: reads values, calls one function of Tuner, renders. The only place that imports Gradio."""
