"""Every sentence of the page that does not come from data. Another language is another such file."""

TITLE = "Tuner"
TAGLINE = "Fine-tune a text classifier and put it to work."

NO_RUNS = "No run yet. Look at the data, then start a training."
NO_DATA = "Rows, label counts and token lengths will stand here. Press “Look at the data”."
NO_RUN_CHOSEN = "Progress and curves will stand here. Press “Start training”, or choose a run in the list on the left."
NO_REPORT = (
    "Scores, confusion matrix and mistakes will stand here once a run is completed. Train first, or choose a run on the left."
)
NO_MODEL = "The answers will stand here. Choose a completed run on the left, then type a sentence."
NOTHING_FOUND = "Nothing was left out."

STEPS_DATA = "Steps 1 – 4 of 7: your goal, a model to read it, the data, its tokenizer."
STEPS_TRAIN = "Steps 5 – 7 of 7: the base model gets a new head, you choose how it is judged, the Trainer trains it."
STEP_GOAL = "**1 · Goal**"
GOAL = "Sort texts into labels, one each. The label column of the data says which."
STEP_MODEL = "**2 · Model**"
STEP_DATA = "**3 · Data**"
STEP_TOKENIZER = "**4 · Tokenizer**"
STEP_BASE = "**5 · Base model**"
STEP_EVALUATION = "**6 · Evaluation**"
STEP_TRAINER = "**7 · Trainer**"

SOURCE_SAMPLE = "Sample"
SOURCE_UPLOAD = "Upload"
SOURCE_HUB = "Hub or path"
SOURCE_HUB_ONLY = "Hub"

LOOK = "Look at the data"
TO_TRAIN = "Train on this data →"
START = "Start training"
STARTING = "Starting …"
STOP = "Stop and save"
RESUME = "Resume"
DELETE = "Delete …"
DELETE_SURE = "Delete this run, model and checkpoints"
TO_EVALUATE = "See how good it is →"
EVALUATE = "Evaluate"
TO_PLAYGROUND = "Try it →"

GROUPS = {
    "Model": "Model",
    "Data": "Data",
    "Learning rate": "Learning rate",
    "Regularisation": "Regularisation",
    "Length": "Length",
    "Compute": "Compute",
    "Evaluation": "Evaluation",
    "Training": "Seeds",
}

EXAMPLES = (
    "I love it, best flight I have ever had",
    "Two hours late again and nobody tells us anything",
    "The meeting is on Tuesday at nine",
    "Not bad at all",
)
