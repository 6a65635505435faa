# SPDX-License-Identifier: GPL-3.0-or-later
"""What the synthesisers say: sentences of our own, varied enough that no word is learned by heart.

Three sources: English sentences filled from word lists, sentences thick with one kind of sound,
and invented words, which any language's voice reads with its own sounds.
"""

import random
from functools import cache
from pathlib import Path


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NOUNS = _words(
    """
baby bottle bishop mother farmer camp hammer puppy pepper paper problem bubble robber number
member summer family film famous moment movie machine mushroom march map lamp stamp jump pump
thumb theatre thunder father feather weather brother leather fever river oven village velvet
voice vegetable valley wave window winter wolf woman wood wool water whale wheel question queen
quarter squirrel garden gate ghost giant engine orange bridge judge jacket jam church chair
cheese chicken kitchen teacher picture culture nature shoe ship shadow shoulder ocean station
nation treasure measure garage sister sunset salad city circus science season pencil dance
zebra music museum prize nose rose tiger teapot doctor daughter ladder letter lion lemon lake
light lily leaf loaf rabbit road river rain rope roof room rule year yellow youth uniform boat
bone coat coast ghost note smoke boy coin noise oyster poison house cloud crowd mouse mountain
owl tower book cook foot wool bull moon school spoon fruit juice bird girl nurse world worm
earth heart art car star farm field key king ring song wing tongue finger uncle bank pink think
ink hill hat hotel hand horse hospital hair air bear care square fire desire choir hour flower
power idea theatre ear beer deer tour sugar eight game plane table train snake cake apple cat
cap lamb lamp jazz language egg bed bread desk president country government freedom people
liberty service company program summer world
"""
)
VERBS = _words(
    """
bring brought bought keep kept pick put push pull open paint print believe behave become borrow
build burn bump blame may make made mix miss move measure find found feel felt follow forget
forgive fly fall fold laugh leave left love live save serve think thought throw threw breathe
bathe clothe tell told take took teach touch talk try drive draw dream drop give gave get go
guess choose change chase catch reach watch wish wash rush push crash shout show shut share
sell sit sing say see saw use lose choose close freeze run read write ride rise know knew need
notice look like learn listen lift allow enjoy destroy hope hold hide hear help hurt whisper
wonder want wait work wear question quit quote yell yawn ask answer ban ponder lump
"""
)
ADJECTIVES = _words(
    """
big bad brave brown blue bright beautiful poor pale proper perfect possible impossible simple
humble purple famous firm fresh funny full few very vivid violent heavy silver thick thin
thirsty healthy other smooth southern the_same that this tall tiny tired tight dry dark dear
wooden sudden good great green guilty eager angry hungry long strong young wrong cheap charming
rich much sharp shy short fashionable delicious special casual usual unusual sad soft sweet six
seven slow small nice icy busy easy noisy lazy new narrow nervous little large late loud low
yellow real rare round red rude early certain dirty quiet quick white wild wet wide warm weak
wonderful huge happy holy high whole hollow awful old odd only open equal even American
national
"""
)
ADVERBS = _words(
    """
perhaps maybe probably never ever even often after before behind above beneath both then there
though through today tonight tomorrow always already almost along again ago together usually
surely seldom soon since now near later lately really rarely early quite quickly where when why
here however hardly how out down around about up apart oops
"""
)
NAMES = _words(
    """
Bob Pamela Beth Michael Philip Fiona Vivian Stephen Theo Kathy Matthew Tom Diana Gordon George
Charlie Jack Joshua Natasha Sam Susan Zoe Nina Lily Rachel Aaron Yuri William Wendy Hugh Owen
Emma Ian Oscar Ursula Abraham Benjamin Barbara
"""
)
FRAMES = (
    "{n} and {n} {v} the {a} {o}.",
    "The {a} {o} will {v} {d}, {n} said.",
    "Did {n} {v} my {o}, or was it the {a} {p}?",
    "{d}, we {v} a {a} {o} by the {p}.",
    "Please {v} me the {o} before the {p} goes!",
    "I {v} what you can {w} for your {o}.",
    "My {a} {o}, ask not what the {p} may {v} for you.",
    "Whoever could {v} such a {a} {p}?",
    "Both {n} and the {o} {v} above the {a} {p}, {d}.",
    "There's {o} on {n}'s {p}; I don't {v} it.",
    "{a}, {b}, and {c}: that's how {n} would {v}.",
    "No. Yes! {n}, {v} it {d}.",
    "One {o}, two {p}s, three {a} things, {n}.",
    "We shall {v} every {o} and {w} any {p}, {d} and {d}.",
    "Oh, the {o}! Who {w} that {a} {p} to {n}?",
)
# Each line leans on one group of sounds, the lips first: they are what must not fail.
RICH = (
    "Pamela's puppy popped a purple bubble by the pump.",
    "Maybe my mother made Emma a mammoth lamb pie, umpteen times.",
    "Bob bumped a big bamboo broom; Abby mopped up the crumbs.",
    "Keep a map, tape up the box, grab a cab, climb up, sum up.",
    "Simple people hope for a warm summer; remember, jump, number, amber.",
    "Five very fine foxes love leaving half of the leaf above the river.",
    "Have faith, Vivian; every festive evening five fiddlers arrive for food.",
    "Seventh heaven, wolves, shelves, rough, cough, enough, knives, fifth.",
    "This thing and that thing, both bathe; their father breathes through thick cloth.",
    "The other brothers thought three thousand thirsty moths were there then.",
    "Church judges usually choose fresh fish; measure the treasure, George.",
    "She should wash her shiny shoes; a giant orange gauge, a beige garage.",
    "Six slow snakes hiss; his zebras doze as the lazy sun rises.",
    "Ten little turtles tried to eat dry dates; a lot of wet toads did.",
    "Nine lions learn a new long line; Lily and Nina yell all night.",
    "Go get a cake and a good cookie; the king and queen sing along again.",
    "Red roses are rarely wrong; Rory ran around the narrow road, heard, hurt.",
    "We would wonder why one white whale went away, what, when, where.",
    "You use a huge unique yellow yacht, year after year, few and new.",
    "How now, brown cow? Our loud hound found a mouse around the house.",
    "Oh no, don't go home alone; the old boat floats over the cold ocean.",
    "Boys enjoy noisy toys; oil the coin; a royal choice avoids poison.",
    "Who knew two blue moons? Soon you lose the school spoon in the pool.",
    "Look, a good book; push the wool, put sugar, could you, should you.",
    "All small dogs saw a tall hawk; the author brought four more balls.",
    "Father parked the large car by the dark barn; calm palms, hot pot.",
    "A fat cat sat and had ham, jam, and a sad lamb after that; back, map.",
    "Get ten red pens, then send them; every best friend said yes.",
    "It is still in this big tin ship; Bill will sit, lick it, and win.",
    "We see three green trees; each week the team eats cheap sweet peas.",
    "They say eight gray snakes may stay away today; wait, take, make it.",
    "My five kind lions might try the wild pie; I sigh, why, buy, bye.",
    "Up, but, cup, mother, come, some love, done, a dozen bugs jump.",
)
FOREIGN: dict[str, tuple[str, ...]] = {
    "de": ("Guten Morgen, mein Freund, wir trinken heute Kaffee mit Milch.",
           "Schöne Grüße aus Hamburg, wo fünf Boote am Ufer liegen.",
           "Bitte bringen Sie mir einen Apfel und zwei Pflaumen."),
    "fr": ("Bonjour, je mange une pomme rouge avec un petit garçon.",
           "Il pleut beaucoup aujourd'hui, mais la mer est belle et bleue.",
           "Où vas-tu, ma chère amie ? Je veux voir le vieux pont."),
    "es": ("Buenos días, señor, el perro rojo corre por la calle.",
           "Mi abuela prepara un buen pan blanco para la familia.",
           "¿Dónde vive tu hermano mayor, en el pueblo o en el campo?"),
    "pt-br": ("Bom dia, meu amigo, hoje vamos à praia com a família.",
              "Minha mãe comprou um pão e uma boa maçã vermelha."),
    "nl": ("Goedemorgen, mijn vriend, wij gaan vandaag naar het water.",
           "De boer bouwt een mooie brug boven de rivier."),
    "sv": ("God morgon, min vän, vi dricker kaffe på måndag.",
           "Barnen badar i havet och pappa plockar blåbär."),
    "fi": ("Hyvää huomenta, minä juon kahvia ja syön puuroa.",
           "Pieni poika leipoo pullaa mummon luona."),
    "tr": ("Günaydın, bugün çok güzel bir gün, kuşlar uçuyor.",
           "Babam pazarda beş büyük elma ve peynir aldı."),
    "ru": ("Доброе утро, мой друг, мы пьём чай и читаем большую книгу.",
           "Бабушка варит борщ, папа любит белый хлеб."),
    "cs": ("Dobré ráno, příteli, piju kávu s mlékem a čtu velkou knihu.",
           "Babička peče bábovku pro malého vnuka."),
    "hu": ("Jó reggelt kívánok, ma szép idő van a faluban.",
           "A barátom piros almát vesz a piacon."),
    "ro": ("Bună dimineața, prietene, bem cafea și mâncăm pâine.",
           "Mama mea a cumpărat un buchet frumos."),
    "el": ("Καλημέρα, φίλε μου, πίνουμε καφέ με γάλα.",
           "Η μαμά μου φτιάχνει ψωμί για όλη την οικογένεια."),
    "hi": ("नमस्ते मेरे दोस्त, आप कैसे हैं?", "मेरा भाई बाज़ार से फल और पानी लाता है।"),
    "id": ("Selamat pagi, teman saya membeli buah dan ikan di pasar.",
           "Ibu memasak bubur panas untuk keluarga kami."),
    "sw": ("Habari za asubuhi, rafiki yangu, tunakunywa chai na maziwa.",
           "Mama anapika chakula kwa familia nzima."),
    "it": ("Buongiorno, mi piace molto il gelato e bevo un bicchiere di vino.",
           "La mamma prepara la pizza per tutta la famiglia, poi vado a lavorare.",
           "Che bella giornata, usciamo a fare una passeggiata con il cane."),
    "pl": ("Dzień dobry, piję kawę z mlekiem i czytam książkę.",
           "Babcia piecze pyszne bułki, a mama myje okno.",),
}  # fmt: skip
_ONSETS = _words("p b m f v t d n s z k g l r h w sh ch pr br bl pl fr fl st sp sm tr dr kl gr")
_VOWELS = _words("a e i o u ai au oi ei ou a e i o u")
_CODAS = ["", "", "", "", *_words("n m l r s t k p b f mp nd lm rm")]


def invented(rng: random.Random, words: int) -> str:
    """Words that exist in no language, such as `bamof plenu`."""
    made = []
    for _ in range(words):
        made.append(
            "".join(
                rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
                for _ in range(rng.choice((1, 2, 2, 3)))
            )
        )
    text = " ".join(made)
    comma = rng.randrange(len(text))
    return (text[:comma] + text[comma:].replace(" ", ", ", 1) + ".").capitalize()


# Debian's `wamerican` (public domain): sounds in every order that English has.
DICTIONARY = Path("/usr/share/dict/american-english")
# Syllable by syllable, for voices that read no Latin letters.
_CYRILLIC = str.maketrans("abvgdezijklmnoprstufhcy", "абвгдезийклмнопрстуфхцы")


@cache
def dictionary() -> tuple[str, ...]:
    """Plain words of the dictionary; none where it is not installed (`corpus` asks for it)."""
    if not DICTIONARY.exists():
        return ()
    words = DICTIONARY.read_text(encoding="utf-8").split()
    return tuple(w for w in words if w.isascii() and w.isalpha() and w.islower() and len(w) > 1)


def listed(rng: random.Random) -> str:
    """Five to ten words of the dictionary in a row, with a pause somewhere."""
    words = [rng.choice(dictionary()) for _ in range(rng.randint(5, 10))]
    words[rng.randrange(len(words) - 1)] += rng.choice((",", ",", ".", ";"))
    return " ".join(words).capitalize() + rng.choice((".", "?", "!"))


def english(rng: random.Random) -> str:
    """English: a filled frame, a sound-rich line, or words of the dictionary."""
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(RICH)
    if kind < 0.6 and dictionary():
        return listed(rng)
    text = rng.choice(FRAMES).format(
        n=rng.choice(NAMES), v=rng.choice(VERBS), w=rng.choice(VERBS), o=rng.choice(NOUNS),
        p=rng.choice(NOUNS), a=rng.choice(ADJECTIVES), b=rng.choice(ADJECTIVES),
        c=rng.choice(ADJECTIVES), d=rng.choice(ADVERBS),
    )  # fmt: skip
    text = text.replace("_", " ")
    return text[0].upper() + text[1:]


def foreign(rng: random.Random, language: str) -> str:
    """A sentence for a voice of `language`: half real, half invented words."""
    lines = FOREIGN.get(language, ())
    if lines and rng.random() < 0.5:
        return rng.choice(lines)
    text = invented(rng, rng.randint(4, 8))
    if language == "ru":
        for latin, cyrillic in (("sh", "ш"), ("ch", "ч"), ("w", "в")):
            text = text.lower().replace(latin, cyrillic)
        text = text.translate(_CYRILLIC)
    return text
