"""Words of the private language that the code once had, by what they named; none of them may name anything again."""

from __future__ import annotations

# modules of aecore and ui
MODULES = """
knobs kinds processes data pictures shelf ledger foreman maps work trained scores inside anatomy clouds units
codebooks
levels styles stretch samples case signs products programs browser places exhibits pretrain photos photos_training
photos_card position vitals train model declare bounds frame shared shelves people dragged spoilt mosaic pad pick
troubles terms numbers spare helpers utils manager base
"""

CLASSES = """
Knob Says Card Data DataMissing Fit Maker Transposed Plain Codebook Ladder Rungs Bytes Pass Chance Tally
Parts Best Pictures Vitals Paced Entry Draft Foreman Lane Spares Forked Bell Ended Place Keeper Drawing Request Album
Trained Code Account Clouds Choices Stretch Case Limit Sign Places Dots Exhibit Part Player Cleaner Size Try Wanted
Activations Quantised ZDim Hidden Rate Output Decay Clip Pixels Position Unknown Block Photographs Settings
"""

FUNCTIONS = """
knobs_of of_kind for_kinds there halves says told said words numbers seen asked wanted known found kept shown
drawn given
held_out is_here missing looks take_back may_delete ask leave wanted_by turns died rested lead resign carries
laboratories open_laboratory close_laboratory greet called look adopt employ hurry settle mourn free_lane forking
spoil spoilt ring room rest rests cured bill examined learnt_from in_use agreement stand_in votes account spread
most_information manner by_strength still zeros_by_design apart in_order painted exchanged by_use redrawn
changes obeyed
in_code of_encoder of_decoder crowd turned lift spacing off_plane remoteness neighborly made_by given_back
clean reach furthest fitted untrained deepest tied around but act fits choose guess generate hint hints cloud
clouds divergence
rare ramp stratified split_kl free impossible corrupted mixed elbo importance_weighted checked differences
born alive folder by_hand lassoed doors attempt noted figures held me introduce one several undo browse opening
stage sheet hand numbers_in strip carry_out inherit players coloured floor judged order_of keep_alive leads stands
"""

ATTRIBUTES = """
says spare seen asked wanted known kept shown drawn given told still ends reach spoilt knobs pictures
mark born deaths lane lanes vectors book counts sums started expect hints guess others passes untouched usual
remark good bad opening z_dim hidden clip pixels charged price gap cure means said punishes moving offer gallery
reason during trains averaged anew person votes agreement alike hearts
MOST SHOWN ASKED DRAWS HASTY BUSY IDLE PATIENCE DEATHS RESTS SWEPT TINY NOTED PAUSE FIRST EDGE ROUNDING OFF LANES
PREPARED PACES LOOK SOMEBODY ASKING PIXELS LEARNT KIND FAMILY SIGNS LIMITS EXHIBITS SWEEP NUMBERS CODES ATOMS SMOOTH
DEEPEST WORLD AIR CLOSE ONNX PLACES AS_IS SLOW FEW DOORS ALSO BY OURS STARTS
"""

PARAMETERS = """
knobs knob picture pictures cloud clouds crowd told said says words seen asked wanted known kept shown drawn
given rest price
charge spoilt spoil halves judged held_out critic book vectors slot votes person laboratory exhibit place
places stretch anew
usual most few ours mine theirs z_dim lasting trained made spare look drawing ask born lane act fits
"""

# labels of settings and widgets, headings, findings
LABELS = [
    "Code", "Bend", "Noise", "Strength", "Sparsity", "Push", "Kept", "Stiffness", "Pull", "Shape", "Weight", "Total",
    "Codes", "Width", "Revive", "Loss", "Hidden widths", "Gradient clipping", "Training pictures", "Pixels",
    "Latent size",
    "Rho", "Top share", "Free bits", "What each number tells", "All numbers", "Clouds on the map", "One picture",
    "Three parts of the KL", "Who is active", "Atoms of one picture", "New pictures", "Codes over the prior",
    "Label by style", "Two levels", "Filters and atoms", "Stretch", "variance given back",
    "missing on pictures it did not learn from", "numbers in use", "certain and wrong", "units all alike",
    "a code of one number", "an adversary that has won", "Pictures a side", "codes as they are", "Draw codes as",
    "Train further", "Change settings, keep its weights", "Number of the test picture", "Squared error", "Taken away",
    "What it scores", "Where it is furthest off", "held-out", "Fork with the cure", "Inside", "Photograph",
    "Latent pad",
    "usual", "Across", "Up", "Steps", "Path", "Draw", "length of the gradient", "critic wrong by", "error",
]  # fmt: skip

# keys of JSON files, names of tensors and of loss terms, columns of the database
KEYS = """
z_dim hidden clip pictures pixels knobs gradient vitals blank alike impossible saturated sd on spare taken
exhibit good bad
opening sweep strip order adversary products agreement votes said told judged born deaths mark lane asked
inside clouds
anatomy stretch styles levels samples numbers activity rarity fooling critic mean_picture_mse active_per_picture
n_reference_images real obeyed in_code ladder.expect book sums counts started hints first top nearest hint
label_image rungs
people wants person noise strength stiffness pull warm_up cycles top_share codes width revive sparsity
"""

COMMAND_WORDS = """
--z-dim --hidden --clip --pictures --pixels --anew --knobs here knobs found note gallery error usual spare
spares foreman maps
"""

# words of the lists above that are standard where they still stand, with the reason
EXCEPTIONS: dict[str, dict[str, str]] = {
    "module": {
        "browser": "tools/browser.py starts one",
        "data": "the page Data",
        "train": "the page Train",
        "people": "the table of users and their labels",
    },
    "function": {
        "alive": "whether the process of a projection is",
        "generate": "decode samples of a prior, as generative models do",
        "ring": "a prior's shape: samples on a ring",
    },
    "attribute": {
        "counts": "numbers of cases, as NumPy's unique returns them",
        "ends": "the two ends of an interpolation",
        "pixels": "the pixels of an image",
        "reason": "why a threshold is where it is",
        "sums": "arithmetic sums",
    },
    "parameter": {"slot": "a place for a worker, as schedulers of jobs count them"},
    "label": {"Free bits": "the name in Kingma et al. 2016"},
    "key": {
        "counts": "numbers of cases",
        "sparsity": "the report of sparse codes",
        "top": "the top level of a ladder",
    },
}
