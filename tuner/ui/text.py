"""Every sentence of the page that does not come from data. Another language is another such file."""

TITLE = "Tuner"
TAGLINE = "Fine-tune a text classifier and put it to work."
ANSWERS_ALONE = (
    "Ask and measure text classifiers of the Hub. Nothing is trained here: take a Space with hardware of its own for that."
)

NO_RUNS = "No run yet. Look at the data, then start a training."
NO_DATA = "Rows, label counts and token lengths will stand here. Press “Look at the data”."
NO_RUN_CHOSEN = "Progress and curves will stand here. Press “Start training”, or choose a run in the list on the left."
AN_UPLOAD = "an uploaded file"
RUN_GONE = "The chosen run is no longer here: it was deleted, moved away, or is shared with you no more."
HOW_GOOD = "How good is the chosen run on rows it never saw, and where is it wrong?"
HOW_GOOD_A_MODEL = "How good is a text classifier of the Hub on a data set, and where is it wrong?"
NAME_A_MODEL = "Scores, confusion matrix and mistakes will stand here. Name a model of the Hub and the data it is measured on."
NO_REPORT = (
    "Scores, confusion matrix and mistakes will stand here once a run is completed. Train first, or choose a run on the left."
)
NO_MODEL = "The answer will stand here. Choose a completed run on the left, or a model above, then type a sentence."

STEPS_DATA = "Steps 1 – 4 of 7: your goal, a model to read it, the data, its tokenizer."
STEPS_TRAIN = "Steps 5 – 7 of 7: the base model gets a new head, you choose how it is judged, the Trainer trains it."
STEP_GOAL = "## 1 · Goal"
GOAL = "Sort texts into labels, one each. The label column of the data says which."
STEP_MODEL = "## 2 · Model"
PRETRAINING = "Pretraining: {}."
TAKE_THIS_WHEN = "**Take this when** {}"
NOT_OFFERED = (
    "Not on Tuner's list: its card says its languages, licence and pretraining. Whether it can be trained is checked when you "
    "look at the data or start."
)
OF_A_RUN = (
    "The model of a run: training goes on from what that run has learnt. Choose the run on the left for its settings and scores."
)
COMPARE_MODELS = "Compare the offered models"
STEP_DATA = "## 3 · Data"
STEP_TOKENIZER = "## 4 · Tokenizer"
STEP_BASE = "## 5 · Base model"
BASE_CHOSEN = "It is chosen on the Data tab."
STEP_EVALUATION = "## 6 · Evaluation"
STEP_TRAINER = "## 7 · Trainer"
NEW_HEAD = "Its weights stay; a new classification head is put on top."
KEPT_HEAD = "Its weights stay, and so does its classification head."

SOURCE_SAMPLE = "Sample"
SOURCE_UPLOAD = "Upload"
SOURCE_HUB = "Hub or path"
SOURCE_HUB_ONLY = "Hub"

UPLOAD = "A table, or several named train, validation, test"
COLUMNS = "Columns"
SPLITS = "Splits"
FIXES = "Fixes applied"
LOOK = "Look at the data"
LOOKING = "Looking …"
READING = "The first rows of the file; the whole of it is being read."
WORTH_KNOWING = "Worth knowing"
NO_FINDINGS = "Nothing was found that would hurt a training."
SHOW_ROWS = "Show rows"
ALL_ROWS = "all rows"
FINDINGS = {
    "leaked": "also in validation or test",
    "conflicting": "two labels for one text",
    "label_spelling": "labels spelled alike",
    "rare_class": "rare labels",
    "missing_in_validation": "labels missing in validation",
    "missing_in_test": "labels missing in test",
    "empty_text": "without text (left out)",
    "missing_label": "without label (left out)",
    "duplicates": "repeats",
    "near_duplicates": "near repeats",
    "imbalance": "rarest label",
    "too_long": "longer than the cut",
    "personal_email": "e-mail addresses",
    "personal_account": "account numbers",
    "personal_card": "card numbers",
    "personal_phone": "phone numbers",
    "personal_handle": "handles",
    "no_split": "rows cut from train",
}
SEVERITY = {"high": "● serious", "medium": "▲ check", "low": "○ note"}
TOKENS_CUT_AT = "Token lengths, cut at {}"
LABELS = "Labels"
LABEL_NAMES = "Change a name to rename a label, give two the same name to merge them, empty one to leave its rows out."
USE_NAMES = "Use these names"
ORIGINAL_NAMES = "Original names"
ROWS = "Rows"
WHOLE_TEXT = "Click a row to read its whole text here."
SUSPICIOUS = "Suspicious labels"
SUSPICIOUS_WHAT = (
    "Rows whose label does not fit their text, the most doubtful first, as a classifier sees them that was trained on the other "
    "rows. A ranked list to look through, not a count of errors."
)
FIND_SUSPICIOUS = "Find suspicious labels"
WORD_COUNTS = "word counts, out of fold"
ACCEPT = "Take the suggestion"
KEEP = "Keep the label"
DROP = "Drop the row"
UNDO = "Undo"
JUDGING = "Reading the rows"
USE_DECISIONS = "Use these decisions in training"
# Ending → make the file, download it.
EXPORT_DECISIONS = {"csv": ("Export as CSV", "Download the CSV"), "parquet": ("Export as Parquet", "Download the Parquet")}
TO_TRAIN = "Train on this data →"
AUGMENTATION = "Altered copies of training rows. Set a rate, then look at what it makes of your texts."
SHOW_COPIES = "Show examples"
PROBE = "Compare base models on your data"
PROBE_WHAT = (
    "At most 1,000 of your training rows are embedded by each model as it is, and a logistic regression is tried on the "
    "embeddings. Some minutes; nothing is trained. A model of the Hub is downloaded first."
)
CANDIDATES = "Candidates"
CANDIDATES_INFO = "up to ten; any other Hub id can be typed"
CANDIDATES_INFO_LOCAL = "up to ten; any other Hub id or folder can be typed"
RUN_PROBE = "Compare them"
PROBING = "Embedding by {}"
USE_MODEL = "Use {}"
FINDER = "Not sure? A fresh model is trained for 60 steps with a growing rate, and nothing of it is kept."
FIND_RATE = "Find a learning rate"
RATE_CURVE = "Loss over growing rates"
USE_RATE = "Use {}"
RATE_USED = "The learning rate is {} now."
LOADING = "Loading model and data"
TRYING_RATES = "Trying rates"
START = "Start training"
STARTING = "Starting …"
STOP = "Stop and save"
RESUME = "Resume"
WITHDRAW = "Withdraw"
STOPPING = "Stopping …"
END_NOW = "End now, without saving …"
END_SURE = "End it now: what it learnt since its last save is lost"
EARLIER = "Earlier"
LATER = "Later"
FURTHER = "Train further"
COPY = "Copy settings"
FILLED_IN = "The settings on the left are filled in. Change what you like, then press “Start training”."
PROCEED = "Proceed anyway"
PRESET_REPLACED = "The preset replaced what you had set: {}."
PRESET_MODEL = "The base model is {} now."
PRESET_KEPT_MODEL = "Your base model stays: {}."
WHERE = "Where it trains"
HERE = "This machine"
ON_JOBS = "Hugging Face Jobs"
TRAIN_WHERE = "Train on"
TRAIN_WHERE_INFO = (
    "Jobs hire a machine by the minute, with your login. Rows and a base model that lie here alone are copied to private "
    "repositories of yours first."
)
FLAVOR = "Machine"
FLAVOR_INFO = "flavor: the hired machine and its price; each GPU gets a process"
TIMEOUT = "Time at most"
TIMEOUT_INFO = "timeout: 30m, 1h, 2d; shortly before its end the run stops and is saved"
NO_ESTIMATE = "Steps, time, memory and disk will stand here."
LOOK_FIRST = "Look at the data first: steps, time and memory follow from its rows."
TIME_STEPS = "Time a few steps"
TIMING = "Timing steps"
CURVES = "More curves"
SMOOTHING = "share of the past in each point"
EARLIER_RUN = "an earlier run to compare with"
PROGRESS = "Progress of the run"
THIS_RUN = "this run"
OTHER_RUN = "the other run"
DELETE = "Delete …"
DELETE_SURE = "Delete this run, model and checkpoints"
REPRODUCE = "Reproduce"
REPRODUCE_WHAT = (
    "The same training as a Python script that needs transformers and nothing of Tuner. The zip adds the rows it trains on, "
    "which may be private, the exact packages and the settings."
)
TRAINED_WITH = "What it came from"
PACK = "Pack script and rows as a zip"
DOWNLOAD = "Download the zip"
TO_EVALUATE = "See how good it is →"
EVALUATE = "Evaluate"
EVALUATED_MEANWHILE = "The evaluation of {} is ready. It stands here when that run is chosen."
TO_PLAYGROUND = "Try it →"
MORE = "More"
EVALUATE_MODEL = "empty: the chosen run; else a folder or a Hub model, scored on the source above"
LABEL_MAP = "Labels that have other names in the model"
LABEL_MAP_COLUMNS = ["label of the data", "label of the model"]
AGAINST = "run ids or Hub models to score on the same rows, with commas between"
HUB_METRICS = "names of metrics on the Hub to add, e.g. frugalscore; needs the network"
TESTS_FILE = "Behaviour tests of your own (YAML)"
CONFUSION = (
    "Confusion matrix: rows are true labels, columns predicted ones; share of the true label's rows. Click a cell for its texts"
)
CONFUSION_PART = (
    "Confusion matrix of the {shown} of {all:,} labels confused most often: rows are true labels, columns predicted ones. "
    "Click a cell for its texts"
)
CONFUSIONS = "The most frequent confusions, {shown:,} of {all:,}. Click a row for its texts"
WHOLE_MATRIX = "Whole confusion matrix (CSV)"
DOWNLOAD_MATRIX = "Download confusion.csv"
CURVES_DRAWN = "Drawn: the {shown} of {all:,} labels that have the lowest average precision. The table has all."
MAKE_PAGE = "Report as one page (HTML)"
DOWNLOAD_PAGE = "Download report.html"
SEARCH = "text to find, then Enter"
EXPORT_ROWS = "Export these rows"
DOWNLOAD_CSV = "Download the CSV"
SEND_TO_PLAYGROUND = "Try it in the Playground →"
OWN_SLICE = "A slice of your own: texts that hold"
SLICES = "Accuracy by kind of text. Click a row for its texts"
BEHAVIOUR = (
    "Does the model do what a reader would expect? Small texts with a known answer, and changes to the data's own texts that "
    "should change nothing."
)
BEHAVIOUR_TABLE = "Behaviour tests. Click a test for its failing cases"
FAILURES = "Failing cases"
THRESHOLD_VALUE = "share: 0.9 for nine of ten; cost: how much worse a wrong answer is than “unsure”"
KEEP_THRESHOLD = "Keep threshold"
REMOVE_THRESHOLD = "Always answer"
BINS = "Reliability, as the model answers now"
LEADERS = "All runs scored on the same rows"
COMPARE = "Compare"
COMPARE_WITH = "runs with a report; only rows that all were scored on are compared"
OTHER_ROWS = " · other rows"
NOTHING_COMPARED = (
    "Choose one run or more, then press “Compare”: differences, whether they may be luck, and rows where they disagree."
)
DIFFERENCES = "Differences, with paired 95 % intervals"
DISAGREEMENTS = "Rows the models answer differently"

GROUPS = {
    "Model": "Model",
    "Structure": "Structure, freezing, LoRA",
    "Data": "Data",
    "Augmentation": "Augmentation",
    "Learning rate": "Learning rate",
    "Regularisation": "Regularisation",
    "Length": "Length",
    "Compute": "Compute",
    "Evaluation": "Evaluation",
    "Hub": "For the Hub",
    "Training": "Seeds",
}

EXAMPLES = (
    "I love it, best flight I have ever had",
    "Two hours late again and nobody tells us anything",
    "The meeting is on Tuesday at nine",
    "Not bad at all",
)

PLAYGROUND = (
    "What does the model say, how sure is it, why, and what would change its mind? What you correct becomes training data."
)
MODEL_INFO = "a completed run, its base model before training, or a Hub model as owner/name"
MODEL_INFO_LOCAL = "a completed run, its base model before training, a folder, or a Hub model as owner/name"
ONE_TEXT = "One text"
TYPE_HERE = "Type a sentence …"
TYPE_SOMETHING = "The answer will stand here while you type, and below it what it rests on."
RAW = "without the temperature"
RAW_INFO = "as the model gives them: usually too sure"
EXAMPLES_TITLE = "Or take one of these (of a run: its own test rows)"
WHY = "Why"
HOW = "How it is explained"
METHODS = {
    "leave_one_out": "leave one word out",
    "gradient_x_input": "gradient × input",
    "integrated_gradients": "integrated gradients",
    "attention": "attention",
}
EXPLAIN = "Explain"
LONG_TEXT = "{} words take a moment. Press “Explain” to see what the answer rests on."
PREDICTED = "the answer"
WORDS_TABLE = "The same as numbers"
WHAT_IF = "What if"
CHANGE_IT = "Change the text"
VARIANTS = "The same text, changed; change in points of the first answer's probability. Click a row to try it"
FLIP_IT = "What would flip the answer?"
NO_FLIP = "No removal of one, two or three words flips the answer."
FLIPPING = "Taking words out"
NEIGHBOURS = "Memory or understanding"
NEIGHBOURS_WHAT = "The training rows whose meaning the model itself puts nearest to this text."
FIND_NEIGHBOURS = "Find the nearest training rows"
EMBEDDING = "Reading the training rows, once for this model"
NEAREST = "Nearest training rows"
NO_TRAINING_ROWS = "Only a run of this machine has training rows to search. Choose one as the model."
CORRECT_WHAT = "What you say here is kept as labelled rows and can be trained on."
CORRECT_SHARED = "What you say here is kept as labelled rows that everybody who uses this page can read and train on."
CORRECT_OWN = "What you say here is kept as labelled rows of your own, once you are logged in."
RIGHT = "That is right"
WRONG = "That is wrong, it is"
RETRAIN = "Retrain with my corrections"
CORRECTIONS = "{} kept in {}, which the Data tab and the terminal take as a source."
KEPT_OF_TEST = "Kept as “{}”. This is a test row of the run: retraining leaves it out, so that scores stay honest."
NOT_A_RUN = "Only a run can be retrained: choose one as the model."
PUSH_TO = "Hub data set"
PUSH_INFO = "with the token of your login on this machine (`hf auth login`)"
PUBLIC = "public"
PUBLIC_INFO = "else only you and your organisation read it"
PUSH_ANYWAY = "Push them all the same"
SIDE_BY_SIDE = "Side by side"
SIDE_WHAT = "Two texts, two models, or both: what changes?"
OTHER_TEXT = "Other text"
OTHER_MODEL = "Other model"
OTHER_MODEL_INFO = "any run, base model before training or Hub model; empty: one model"
MANY = "Many texts"
MANY_WHAT = "One text a line, or a file with a text column. Every answer goes into a file you can download."
PASTE = "Texts, one a line"
PASTE_INFO = "up to 1 MB; more than that as a file"
OR_A_FILE = "Or a file"
TEXT_COLUMN = "Text column"
TEXT_COLUMN_INFO = "empty: the columns the run was trained with, else found by itself"
TEXT_COLUMNS = "Text columns"
TEXT_COLUMNS_INFO = "of another source; several are joined. Empty: those the run was trained with, else found by itself"
LABEL_COLUMN = "Label column"
LABEL_COLUMN_INFO = "of another source. Empty: the one the run was trained with, else found by itself"
ANSWER_ALL = "Answer them all"
STOP_ANSWERING = "Stop"
ANSWERING = "Answering"
NOTHING_ANSWERED = (
    "Label shares and the first answers will stand here. Paste texts or choose a file, then press “Answer them all”."
)
FIRST_ANSWERS = "First answers"
DOWNLOAD_ANSWERS_CSV = "Download as CSV"
DOWNLOAD_ANSWERS_PARQUET = "Download as Parquet"
LABEL_DOUBTFUL = "Label the doubtful"
LABEL_WHAT = (
    "Give texts without labels. The doubtful ones, and of these such as are unlike each other, are put before you one by one."
)
HOW_MANY = "How many"
FIND_DOUBTFUL = "Find the doubtful"
FINDING_DOUBTFUL = "Reading the texts"
NOTHING_TO_LABEL = "The texts will stand here one by one, with a button and a key for each label."
KEYS = "Keys: 1 to 9 for the labels (of more than nine, the likeliest of each text), S skips, B goes back, T takes a label back."
SKIP = "Skip"
NEXT = "Next"
BACK = "Back"
TAKE_BACK = "Take the label back"
LEFT_OUT = ["{} text was labelled before and is left out", "{} texts were labelled before and are left out"]
ALL_LABELLED = "All {} are done: {} labelled, {} skipped. What is labelled is kept in {}."
OTHER_LABEL = "Another label"
ELSEWHERE = "Use it elsewhere"
ELSEWHERE_WHAT = (
    "The same model from your own program, filled in with the model and text above. The endpoints take and give plain JSON."
)
SHARE_LINK = "Link to this model and text"
SHARE_LINK_INFO = "opens this page with both filled in; it works for whoever can reach this address"
LINK_IS_CUT = "opens this page with the model and the first {} characters of the text: more does not go into an address"
DELTA = "Convergence delta {}."
NO_FRESH_HEAD = "# The base model before training has a head that Tuner makes: no file holds it."
SNIPPETS = {"python": "Python, transformers alone", "gradio_client": "Python, gradio_client", "curl": "curl", "cli": "Terminal"}

STUDY = "Search, repeats and learning curve"
STUDY_SEARCH = "**Search**: trains with other values of the chosen settings, and keeps what does best on validation rows."
STUDY_VARY = "settings to vary; choosing one fills in the values that are usual"
STUDY_VALUES = "one a line: low..high, low..high:log (evenly by order of magnitude), or value,value"
STUDY_TRIALS = "at most so many trainings; empty: no limit"
STUDY_MINUTES = "none is begun after so many; empty: no limit"
STUDY_METRIC = "what is searched for, on validation rows"
STUDY_METRIC_OF_SETTINGS = "that of the settings"
STUDY_SEED = "of the values drawn"
STUDY_PRUNING = "end a training early that is worse than the median of the earlier ones"
START_SEARCH = "Start search"
STUDY_REPEATS = "**Repeats**: trains these settings several times, to see how far a score is luck."
STUDY_OVER = "seeds: scored on the test rows, the data split alike; folds: each part of the training rows validates once"
START_REPEATS = "Start repeats"
STUDY_CURVE = "**Learning curve**: trains these settings on parts of the training rows. Would more labels help?"
STUDY_SHARES = "of the training rows, as a share up to 1 each; every part trains for the same epochs"
STUDY_DRAWS = "trainings of each; more tell a gain from luck"
START_CURVE = "Start learning curve"
SCORES_OF = {"validation": "Validation scores", "test": "Test scores"}
STUDY_TABLE = {
    "learning-curve": "Learning curve, scored on validation rows",
    "search": "Trials, scored on validation rows",
    "test": "Repeats, scored on test rows",
    "validation": "Repeats, one a fold",
}
USE_BEST = "Use the best settings"
BEST_USED = "Filled in: {}, and the data and other settings of the search. Press “Start training” to train and keep that model."
STUDY_HAS_NO_MODEL = (
    "A search, repeats or a learning curve keep no model; the Train tab shows what was found. "
    "Train with these settings to have scores and mistakes."
)

DISK_DOES_NOT_LAST = (
    "Runs are lost when this Space restarts or falls asleep: its disk does not last, and they are kept nowhere else. "
    "Push a model you need. The Space's owner can mount a volume at /data, or have a repository keep the runs (TUNER_KEEP_REPO)."
)
KEEP_FETCHING = "Kept runs are being fetched; those that were under way go on by themselves."
KEEP_BEGINS = "Runs are kept in a private repository of the Space's owner, every {}."
KEPT = "Runs are kept in a private repository of the Space's owner, every {}, last {}. A restarted Space goes on with them."
KEEP_FAILS = "Runs are not kept just now: {} It is tried again; what was kept {} stands."
KEEP_FETCH_FAILS = "Kept runs cannot be fetched just now: {} It is tried again."
NOT_YET_KEPT = "before this start"

SHARE_TAB = "Share"
TO_SHARE = "Share it →"
SHARE = "Put the model on the Hugging Face Hub: what goes there, where, and who will see it."
NO_SHARE = "Files and card will stand here. Choose a completed run in the list on the left."
OWNER = "Owner"
OWNER_INFO = "you, or an organisation you may write for"
OWNER_UNKNOWN = "type it: the Hub could not be asked for yours"
REPO_NAME = "Name"
REPO_NAME_INFO = "a new repository, or one you may write to"
WHO = "Who sees it"
WHO_PRIVATE = "Private: you, or your organisation"
WHO_PUBLIC = "Public: everybody"
WHERE_IN_IT = "Branch, pull request, adapter"
TO_MAIN = "main"
TO_BRANCH = "a branch"
TO_PULL_REQUEST = "a pull request"
COMMIT_TO = "Commit to"
COMMIT_TO_INFO = "a pull request proposes it, also at a repository of others"
BRANCH = "Branch"
BRANCH_INFO = "made where there is none"
ADAPTER = "with the LoRA adapter, in adapter/"
CHECK_RIGHTS = "Check rights"
MAY_PUSH_NEW = "You may name it {}: there is none yet, and it is made by the push."
MAY_PUSH = "You may write to {}, which is there already and {}. Its other files stay."
MAY_PROPOSE = "You may open a pull request at {}."
PUSH_MODEL = "Push"
PUSH_AGAIN = "Push again"
PUSHING = "Pushing to"
PUSH_STAGES = {
    "files": "Writing card and pictures",
    "sending": "Sent",
    "comparing": "Fetching it from the Hub to compare its answers",
}
PUSH_DONE = "The model is on the Hub: {}."
PUSH_WAS_THERE = "{} holds this model already: nothing was sent."
PUSH_PROPOSED = "The model is proposed to {}."
PUSH_FAILED = "The push to {} failed."
PUSH_NOT_BEGUN = "The push was not begun."
NOT_LOGGED_IN = "You cannot push yet."
RUN_IS_WHOLE = "The run is as it was; nothing of it was changed."
COMMIT = "commit"
WHAT_IS_PUSHED = "What will be pushed"
FILES = "Files"
CARD = "Card"
FRONT_MATTER = "Metadata"
USE_IT = "Use it from anywhere"
PURPOSES = {
    "weights": "the model",
    "adapter": "LoRA adapter",
    "tokenizer": "tokenizer",
    "config.json": "shape and label names",
    "README.md": "the card",
    "config.yaml": "settings, nothing of this machine",
    "report.json": "all scores, without texts of the data",
    "confusion.png": "picture of the card",
    "calibration.png": "picture of the card",
    "tuner.json": "temperature and threshold",
}
DEMO_SPACE = "Demo Space"
DEMO_SPACE_WHAT = "A page on the Hub where others try the model: its answer to a text, the words it rests on, the card's numbers."
SPACE_NAME = "Space"
SPACE_NAME_INFO = "owner/name; a new one, or a demo made before"
SPACE_WHO = "Who may open it"
SPACE_PRIVATE = "Private: you, or your organisation"
HARDWARE = "Hardware"
HARDWARE_INFO = "Spaces on a CPU need a paid plan of the Hub; a free account may have two on ZeroGPU"
FREE_CPU = "CPU, at no price by the hour"
ZERO_GPU = "ZeroGPU, lent for each answer"
LEND_TOKEN = "Keep my token as this Space's secret"
LEND_TOKEN_INFO = "the model is private: the Space reads it with your token, which whoever may change the Space's code can read"
LEND_BY_HAND = "Make the model public, or make a read token and add it to the Space's secrets as HF_TOKEN yourself."
MAKE_SPACE = "Make a demo Space"
LOOK_AGAIN = "Look again"
SPACE_NOT_MADE = "The Space was not made."
SPACE_IS = "The demo is at {}."
PUSH_DATA = "Rows as a data set"
PUSH_DATA_ROWS = "Rows"
PUSH_DATA_WHAT = "with a card of their own; the run's rows have a file for each split"
CLEANED_ROWS = "the run's rows, with the fixes applied"
CORRECTED_ROWS = "corrections of its answers"
PUSH_DATA_NOW = "Push the rows"
DATA_HOLDS = "The rows hold {}. Whoever may read the data set reads them. A fix on the Data tab masks them."
LOG_IN = "Log in with Hugging Face"
LOG_OUT = "Log out"
LOG_IN_AGAIN = "Log in again"
LOGIN_EXPIRED = "Your login has expired. The button opens a tab of its own; what you filled in here stays."
NOT_LOGGED_IN_HERE = "You see the runs that others share, and may use their models. Log in to train."
SHARE_RUN = "Share this run"
SHARE_RUN_INFO = "everybody who comes here sees it, with its settings and scored texts, and may use its model"
