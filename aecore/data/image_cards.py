"""The cards of the image sets that come with the laboratory, or that torchvision downloads."""

from __future__ import annotations

from aecore.data import shapes
from aecore.data.card import DatasetCard
from aecore.data.modalities import Image

_DIGITS = tuple("0123456789")
_FASHION = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
_KANA = "o お,ki き,su す,tsu つ,na な,ha は,ma ま,ya や,re れ,wo を"
_CIFAR10 = "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck"

IMAGE_CARDS = (
    DatasetCard(
        "digits",
        "Handwritten digits, 8 x 8",
        "Digits that 13 people wrote on forms, scanned and shrunk to 8 x 8 pixels with 17 shades of "
        "gray. So few and so small that a model learns them in a second.",
        "8 x 8 gray scans of handwritten digits",
        Image(1, 8, 8),
        _DIGITS,
        n_train=1295,
        n_validation=143,
        n_test=359,
        licence="CC BY 4.0",
        source="Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine "
        "Learning Repository, https://doi.org/10.24432/C50P49; the copy that comes with scikit-learn",
        max_value=16,
        epochs=120,
        batch_size=64,
        lr=0.004,
        precision="float32",
    ),
    DatasetCard(
        "shapes",
        "Shapes, 32 x 32",
        "A white square, ellipse or heart on black, in every combination of 5 sizes, 8 rotations and "
        "10 x 10 places. We draw them ourselves, so we know exactly what a code should find out.",
        "32 x 32 images of one white square, ellipse or heart on black",
        Image(1, 32, 32),
        shapes.SHAPE_NAMES,
        n_train=9720,
        n_validation=1080,
        n_test=1200,
        licence="MIT, like the code that draws them",
        source="Drawn by aecore/data/shapes.py, after the idea of dSprites (Matthey et al. 2017)",
    ),
    DatasetCard(
        "shapes-colour",
        "Coloured shapes, 32 x 32",
        "The same squares, ellipses and hearts in 6 colours that colour-blind eyes can tell apart: "
        "12,000 images drawn by lot from the 72,000 that there are.",
        "32 x 32 images of one square, ellipse or heart in one of six colours on black",
        Image(3, 32, 32),
        shapes.SHAPE_NAMES,
        n_train=9720,
        n_validation=1080,
        n_test=1200,
        licence="MIT, like the code that draws them",
        source="Drawn by aecore/data/shapes.py; the colours are those of Okabe & Ito (2008)",
    ),
    DatasetCard(
        "textures",
        "Textures: brick, grass and gravel, 32 x 32",
        "Three photographs of surfaces, each cut into 256 patches that do not overlap. No patch shows the whole of "
        "anything: what repeats is all that there is to learn.",
        "32 x 32 gray patches of brick, grass and gravel",
        Image(1, 32, 32),
        ("brick", "grass", "gravel"),
        n_train=554,
        n_validation=61,
        n_test=153,
        licence="CC0",
        source="ambientCG; the copies that come with scikit-image",
        likelihood="gaussian",
        epochs=60,
        batch_size=32,
    ),
    DatasetCard(
        "faces",
        "Small faces, 25 x 25",
        "100 faces and 100 patches without one, cut out of photographs of public figures. So few that a model soon "
        "knows them by heart: compare the training loss with the validation loss.",
        "25 x 25 gray patches of photographs, half of them faces",
        Image(1, 25, 25),
        ("face", "no face"),
        n_train=144,
        n_validation=16,
        n_test=40,
        licence="None stated; made for research, please cite the report",
        source="Huang, Ramesh, Berg & Learned-Miller (2007), Labeled Faces in the Wild; the subset that comes with "
        "scikit-image",
        likelihood="gaussian",
        epochs=100,
        batch_size=16,
    ),
    DatasetCard(
        "mnist",
        "MNIST: handwritten digits, 28 x 28",
        "Digits that about 500 census workers and high-school pupils in the United States wrote, "
        "scanned, shrunk and centred. The image set that most papers on autoencoders start with.",
        "28 x 28 gray scans of single handwritten digits, centred, white on black",
        Image(1, 28, 28),
        _DIGITS,
        n_train=55_000,
        n_validation=5_000,
        n_test=10_000,
        licence="CC BY-SA 3.0, as commonly stated (Yann LeCun and Corinna Cortes hold the rights)",
        source="LeCun, Bottou, Bengio & Haffner (1998), Gradient-based learning applied to document "
        "recognition; LeCun, Cortes & Burges, The MNIST database of handwritten digits",
        download_bytes=11_594_722,
    ),
    DatasetCard(
        "fashion_mnist",
        "Fashion-MNIST: clothes, 28 x 28",
        "Photographs of clothes, shoes and bags from the online shop Zalando, shrunk to the size of "
        "MNIST and turned gray. Made because digits had become too easy.",
        "28 x 28 gray images of single pieces of clothing, shoes and bags from one shop",
        Image(1, 28, 28),
        tuple(_FASHION.split(",")),
        n_train=55_000,
        n_validation=5_000,
        n_test=10_000,
        licence="MIT (Zalando SE)",
        source="Xiao, Rasul & Vollgraf (2017), Fashion-MNIST, https://github.com/zalandoresearch/fashion-mnist",
        download_bytes=30_878_645,
    ),
    DatasetCard(
        "kmnist",
        "Kuzushiji-MNIST: old Japanese letters, 28 x 28",
        "Ten letters of the Japanese script as brushes wrote them in books that are centuries old. "
        "One letter can have several quite different forms.",
        "28 x 28 gray scans of ten brush-written Japanese letters from old books",
        Image(1, 28, 28),
        tuple(_KANA.split(",")),
        n_train=55_000,
        n_validation=5_000,
        n_test=10_000,
        licence="CC BY-SA 4.0",
        source='"KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" (created by NIJL '
        "and others), doi:10.20676/00000341; Clanuwat et al. (2018), Deep Learning for Classical "
        "Japanese Literature",
        download_bytes=21_240_888,
    ),
    DatasetCard(
        "cifar10",
        "CIFAR-10: small photographs, 32 x 32",
        "Tiny colour photographs of six kinds of animals and four kinds of vehicles, gathered from "
        "the web. Hard for a small autoencoder: expect blurred images.",
        "32 x 32 colour photographs of six kinds of animals and four kinds of vehicles",
        Image(3, 32, 32),
        tuple(_CIFAR10.split(",")),
        n_train=45_000,
        n_validation=5_000,
        n_test=10_000,
        licence="None stated; made for research, please cite the report",
        source="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images, "
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        download_bytes=170_498_071,
        likelihood="gaussian",
    ),
)
