"""Draw pictures of simple coloured shapes and write questions about them whose answers are computed.

    python3 draw.py --out DIR --pictures N --seed S

writes DIR/images/*.png|jpg and objects, captions, vqa, entailment, referring (.jsonl) and splits.json.
The same seed gives the same bytes.  A picture is a plain canvas of some size, with one style (palette,
background, outlines, smooth or jagged edges, scattered or tidy layout) and one to nine shapes; its facts
are read off the drawn masks.  Judgements (left of, bigger, at the top ...) are three-valued: True, False,
or None where people might disagree, and nothing is asked that rests on a None.  Each sort of yes/no
question takes yes and no in turn, with the same wordings for both.  Wordings are in the tables below, '|'
between them: {a} "a red star", {s} "red stars", {n} "red star", {the} "the star at the top".
"""
import argparse
import json
import math
import random
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

COLOURS = "red orange yellow green cyan blue purple pink brown black gray".split()
PALETTES = [dict(zip(COLOURS, row.split())) for row in (  # pure, CSS, matplotlib, crayons, material, soft
    "#ff0000 #ffa500 #ffff00 #00c000 #00ffff #0000ff #800080 #ff80c0 #804000 #000000 #808080",
    "#dc143c #ff8c00 #ffd700 #228b22 #00ced1 #4169e1 #8a2be2 #ff69b4 #8b4513 #000000 #808080",
    "#d62728 #ff7f0e #f2d32c #2ca02c #17becf #1f77b4 #9467bd #e377c2 #8c564b #111111 #7f7f7f",
    "#ee204d #ff7a2f #fce23a #1cac58 #20d5e0 #1f55e8 #7442c8 #ffa0c8 #7b3f10 #232323 #8e8c88",
    "#f44336 #ff9800 #ffeb3b #4caf50 #00d0e4 #2a62e0 #9c27b0 #f48fb1 #795548 #212121 #8a8a8a",
    "#c0392b #e67e22 #f1c40f #27ae60 #1fd6d6 #2e6fc9 #8e44ad #fd9bc4 #6d4428 #1b1b1b #868e8f")]
BACKGROUNDS = [(rgb, word, hides.split()) for rgb, word, hides in (  # hides: colours not used on it
    ("#ffffff", "white", ""), ("#ffffff", "white", ""), ("#ffffff", "white", ""), ("#fdfaf0", "white", ""),
    ("#f7f7f7", "white", ""), ("#e4e4e4", "light gray", "gray"), ("#d3d3d3", "light gray", "gray"),
    ("#b0b0b0", "gray", "gray"), ("#fff6d5", "pale yellow", "yellow"), ("#dbeeff", "pale blue", "blue cyan"),
    ("#e0f5e0", "pale green", "green"), ("#ffe6ee", "pale pink", "pink"), ("#efe4fa", "pale purple", "purple"),
    ("#000000", "black", "black"), ("#1e1e1e", "black", "black"), ("#14213d", "dark blue", "blue black"))]
CANVASES = [(64, 64), (96, 80), (128, 128), (200, 150), (224, 224), (300, 300), (320, 480), (500, 500),
            (640, 480), (480, 640), (800, 600), (400, 1000), (1000, 400), (512, 384), (720, 720)]
SMALLEST = dict(circle=.07, square=.07, triangle=.07, diamond=.08, cross=.08, star=.09, heart=.09,
                crescent=.1, ring=.1, hexagon=.13)  # of the longer side, so that it can still be made out
SHAPES = list(SMALLEST)
FILLINGS = "solid striped dotted checkered hollow".split()
PLUMP = ("circle", "square", "hexagon", "diamond", "triangle", "heart")  # the first three the most
TURNS = dict(circle=0, square=14, triangle=180, star=180, cross=20, heart=60, diamond=15, hexagon=180,
             crescent=180, ring=0)  # largest rotation that keeps its name beyond doubt
KEYS = ("shape", "colour", "filling")
SIDES = dict(left=(0, -1), right=(0, 1), above=(1, -1), below=(1, 1))
CLEAR = .13  # centres this far apart (of the longer side) are clearly apart


@dataclass(eq=False)
class Thing:
    shape: str
    colour: str
    filling: str
    rgb: tuple
    paths: list
    stroke: float
    edge: tuple  # colour of the stroke, or None
    box: tuple = ()

    def measure(self, box):
        self.box = box
        self.centre = (box[0] + box[2] / 2, box[1] + box[3] / 2)
        self.size, self.area = max(box[2:]), abs(shoelace(self.paths[0]))


# ---------------------------------------------------------------- drawing

def rgb_of(text):
    return tuple(int(text[i:i + 2], 16) for i in (1, 3, 5))


def lab(rgb):
    r, g, b = (c / 3294.6 if c < 11 else ((c / 255 + .055) / 1.055) ** 2.4 for c in rgb)
    xyz = (.4339 * r + .3762 * g + .1899 * b, .2126 * r + .7152 * g + .0722 * b, .0178 * r + .1095 * g + .8727 * b)
    x, y, z = (c ** (1 / 3) if c > .008856 else 7.787 * c + 16 / 116 for c in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def shoelace(path):
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(path, path[1:] + path[:1])) / 2


def arc(radius, start, stop, cx=0.0, cy=0.0, steps=72):
    angles = [start + (stop - start) * i / steps for i in range(steps + 1)]
    return [(cx + radius * math.cos(a), cy + radius * math.sin(a)) for a in angles]


def wheel(radii, turn=-math.pi / 2):
    return [(r * math.cos(turn + math.tau * i / len(radii)), r * math.sin(turn + math.tau * i / len(radii)))
            for i, r in enumerate(radii)]


def heart_path(rng):
    kind = rng.randrange(3)
    if kind == 0:  # the well-known curve
        return [(16 * math.sin(t) ** 3, -13 * math.cos(t) + 5 * math.cos(2 * t) + 2 * math.cos(3 * t) + math.cos(4 * t))
                for t in (math.tau * i / 90 for i in range(90))]
    if kind == 1:  # two half circles on a wedge
        return (arc(.5, math.pi, math.tau, -.5) + arc(.5, math.pi, math.tau, .5) + [(.8, .45), (0, rng.uniform(1.1, 1.4)), (-.8, .45)])
    dip, wide = rng.uniform(-.45, -.25), rng.uniform(1.25, 1.5)  # two Bezier curves

    def bezier(p, a, b, q):
        return [tuple((1 - t) ** 3 * p[k] + 3 * (1 - t) ** 2 * t * a[k] + 3 * (1 - t) * t * t * b[k] + t ** 3 * q[k]
                      for k in (0, 1)) for t in (i / 30 for i in range(30))]
    return (bezier((0, dip), (.35, -1.2), (wide, -.9), (.95, 0)) + bezier((.95, 0), (.75, .45), (.3, .7), (0, 1))
            + bezier((0, 1), (-.3, .7), (-.75, .45), (-.95, 0)) + bezier((-.95, 0), (-wide, -.9), (-.35, -1.2), (0, dip)))


def unit_paths(rng, shape, fat):
    """The shape's outline about the origin (and a ring's hole); `fat` leaves room for a pattern."""
    if shape == "circle":
        return [arc(1, 0, math.tau)]
    if shape == "ring":
        return [arc(1, 0, math.tau), arc(rng.uniform(.36, .48) if fat else rng.uniform(.4, .64), 0, math.tau)]
    if shape == "crescent":
        width = rng.uniform(.7, .85) if fat else rng.uniform(.42, .85)
        radius = 1 - width * rng.uniform(.12, .35)
        shift = width + radius - 1
        x = (1 + shift * shift - radius * radius) / (2 * shift)
        tip, inner = math.acos(x), math.atan2(math.sqrt(1 - x * x), x - shift)
        return [arc(1, tip, math.tau - tip) + arc(radius, math.tau - inner, inner, shift)]
    if shape == "heart":
        return [heart_path(rng)]
    if shape == "star":
        inner = rng.uniform(.46, .56) if fat else rng.uniform(.38, .52)
        return [wheel([1, inner] * rng.choice((5, 5, 5, 6)))]
    if shape == "hexagon":
        return [wheel([1] * 6)]
    if shape == "square":
        return [[(-1, -1), (1, -1), (1, 1), (-1, 1)]]
    if shape == "diamond":
        wide = rng.choice((rng.uniform(.5, .76), rng.uniform(1.35, 1.8)))
        return [[(0, -1), (wide, 0), (0, 1), (-wide, 0)]]
    if shape == "triangle":
        return [rng.choice(([(0, -1), (.866, .5), (-.866, .5)], [(-1, -1), (1, 1), (-1, 1)], [(0, -1.3), (.9, 1), (-.9, 1)]))]
    t = rng.uniform(.3, .4) if fat else rng.uniform(.16, .4)  # a cross
    return [[(-t, -1), (t, -1), (t, -t), (1, -t), (1, t), (t, t), (t, 1), (-t, 1), (-t, t), (-1, t), (-1, -t), (-t, -t)]]


def wobbled(rng, path):
    """The path as an unsteady hand would draw it."""
    dense = [(x0 + (x1 - x0) * k / 12, y0 + (y1 - y0) * k / 12)
             for (x0, y0), (x1, y1) in zip(path, path[1:] + path[:1]) for k in range(12)]
    waves = [(rng.randint(2, 9), rng.uniform(0, math.tau), rng.uniform(.004, .011)) for _ in range(6)]
    scale = max(abs(c) for point in path for c in point)
    return [tuple(c + scale * sum(a * math.sin(f * math.tau * i / len(dense) + p) for f, p, a in waves[3 * k:3 * k + 3])
                  for k, c in enumerate(point)) for i, point in enumerate(dense)]


def placed(paths, size, turn, centre):
    """Rotated, scaled so that the longer side of the bounding box is `size`, and moved to `centre`."""
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    paths = [[(x * cos - y * sin, x * sin + y * cos) for x, y in path] for path in paths]
    low = [min(p[k] for p in paths[0]) for k in (0, 1)]
    high = [max(p[k] for p in paths[0]) for k in (0, 1)]
    scale = size / max(high[0] - low[0], high[1] - low[1])
    return [[tuple(centre[k] + scale * (p[k] - (low[k] + high[k]) / 2) for k in (0, 1)) for p in path] for path in paths]


def stroke_path(draw, path, width):
    draw.line(path + path[:2], fill=255, width=max(1, round(width)), joint="curve")


def pattern_mask(rng, filling, extent, period, turn):
    """White where the shape's own colour goes, over a tile of `extent` pixels."""
    mask = Image.new("L", extent, 0)
    draw, reach = ImageDraw.Draw(mask), int(sum(extent) / period) // 2 + 2
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))

    def spot(u, v):
        return extent[0] / 2 + period * (u * cos - v * sin), extent[1] / 2 + period * (u * sin + v * cos)
    duty, radius, shifted = rng.uniform(.42, .6) / 2, period * rng.uniform(.27, .33), rng.random() < .5
    for i in range(-reach, reach + 1):
        if filling == "striped":
            draw.polygon([spot(i - duty, -reach), spot(i + duty, -reach), spot(i + duty, reach), spot(i - duty, reach)], fill=255)
            continue
        for j in range(-reach, reach + 1):
            if filling == "checkered" and (i + j) % 2:
                draw.polygon([spot(i, j), spot(i + 1, j), spot(i + 1, j + 1), spot(i, j + 1)], fill=255)
            elif filling == "dotted":
                x, y = spot(i + (.5 if shifted and j % 2 else 0), j)
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask


class Picture:
    """One drawn picture: its style, its things (with their boxes) and its image."""

    def __init__(self, rng):
        self.rng = rng
        self.width, self.height = rng.choice(CANVASES)
        self.long = max(self.width, self.height)
        self.unit = max(self.long, 128)  # what must be visible is measured by this
        ground, self.ground, hides = rng.choice(BACKGROUNDS)
        self.ground_rgb, self.palette = rgb_of(ground), {k: rgb_of(v) for k, v in rng.choice(PALETTES).items()}
        self.usable = [c for c in COLOURS if c not in hides and self.contrast(self.palette[c], self.ground_rgb) > 30]
        self.outline = rng.choice((None, None, "black", "black", "shade"))
        if self.outline == "black" and self.ground in ("black", "dark blue"):
            self.outline = None
        self.line = rng.uniform(.006, .014)
        self.gap = rng.choice((self.ground_rgb, (255, 255, 255)))
        self.smooth, self.wobbly, self.crowded = rng.random() < .65, rng.random() < .12, rng.random() < .35
        self.things, self.hulls = [], []
        self.choose_contents()
        for centre, size in self.layout(rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9))):
            self.add(centre, size)
        self.render()

    @staticmethod
    def contrast(one, other):
        return math.dist(lab(one), lab(other))

    def choose_contents(self):
        """All kinds of shapes mixed, or few kinds, so that there is something to count."""
        few = self.rng.random() < .65
        self.shapes = self.rng.sample(SHAPES, self.rng.randint(1, 4)) if few else SHAPES
        self.colours = self.rng.sample(self.usable, self.rng.randint(1, 4)) if self.rng.random() < .6 else self.usable
        self.fillings = self.rng.sample(FILLINGS, self.rng.randint(1, 3)) if self.rng.random() < .5 else FILLINGS

    def layout(self, count):
        """Yield (centre, size) of tidy places, or (None, size) for a shape to be put anywhere."""
        rng, w, h = self.rng, self.width, self.height
        count = min(count, 4) if self.long < 100 else count
        style = rng.choice(("scatter", "scatter", "scatter", "row", "grid"))
        if style == "scatter":
            top = min(.5 * self.long, .8 * min(w, h), .8 * math.sqrt(w * h / count))
            sizes = [rng.uniform(.07 * self.long, top) * rng.choice((1, 1, 1, .5)) for _ in range(count)]
            yield from ((None, size) for size in sorted(sizes, reverse=True))
            return
        columns = (count if w >= h else 1) if style == "row" else max(1, min(count, round(math.sqrt(count * w / h))))
        rows = math.ceil(count / columns)
        cell, equal = min(w / columns, h / rows, .6 * self.long), rng.random() < .5
        for i in range(count):
            centre = ((i % columns + .5) * w / columns, (i // columns + .5) * h / rows)
            yield centre, cell * (.76 if equal else rng.uniform(.4, .8))

    def filling_for(self, shape, size, rgb):
        least = dict(striped=.16, dotted=.19, checkered=.19, hollow=.16)
        factor = 1 if shape in PLUMP[:3] else 1.3 if shape in PLUMP else 1.4
        bold = self.contrast(rgb, self.ground_rgb) > 40 and self.contrast(rgb, self.gap) > 40
        fits = [f for f in self.fillings if f == "solid" or bold and size >= least[f] * factor * self.unit]
        patterned = [f for f in fits if f != "solid"]
        return self.rng.choice(patterned if patterned and self.rng.random() < .8 else fits or ["solid"])

    def add(self, centre, size):
        rng = self.rng
        for attempt in range(60):
            if centre is None and attempt % 15 == 14:
                size *= .8
            size = max(size, .07 * self.unit)
            shape, colour = rng.choice(self.shapes), rng.choice(self.colours)
            if size < SMALLEST[shape] * self.unit:
                shape = rng.choice(("circle", "square", "triangle"))
            rgb = self.palette[colour]
            filling = self.filling_for(shape, size, rgb)
            paths = unit_paths(rng, shape, filling != "solid")
            paths = [wobbled(rng, p) for p in paths] if self.wobbly else paths
            turn = 0 if rng.random() < .4 else rng.uniform(-1, 1) * TURNS[shape]
            where = centre or self.somewhere(size)
            thing = Thing(shape, colour, filling, rgb, placed(paths, size, turn, where), *self.stroke(shape, filling, rgb, size))
            if self.has_room(thing):
                self.things.append(thing)
                return

    def stroke(self, shape, filling, rgb, size):
        """Width and colour of the outline; a pattern always gets one, so that the whole shape is seen."""
        thin = max(1.0, self.line * self.long)
        if filling == "hollow":
            return self.rng.uniform(max(1.4, .01 * self.unit), max(1.5, .011 * self.unit, size * (.065 if shape in PLUMP else .05))), rgb
        if self.outline:
            return min(thin, .05 * size), (0, 0, 0) if self.outline == "black" else tuple(c * 6 // 10 for c in rgb)
        if filling != "solid":
            return max(thin, .008 * self.unit), rgb
        return 0, None

    def somewhere(self, size):
        margin, rng = size / 2 + 2, self.rng
        x, y = rng.uniform(margin, self.width - margin), rng.uniform(margin, self.height - margin)
        if self.crowded and self.things and rng.random() < .6:  # right beside another one
            other, a = rng.choice(self.things).paths[0], rng.uniform(0, math.tau)
            xs, ys = [p[0] for p in other], [p[1] for p in other]
            reach = (max(max(xs) - min(xs), max(ys) - min(ys)) + size) / 2 * rng.uniform(.85, 1)
            x, y = (max(xs) + min(xs)) / 2 + reach * math.cos(a), (max(ys) + min(ys)) / 2 + reach * math.sin(a)
        return x, y

    def hull(self, thing, spread):
        mask = Image.new("L", (self.width, self.height))
        draw = ImageDraw.Draw(mask)
        draw.polygon(thing.paths[0], fill=255)
        stroke_path(draw, thing.paths[0], thing.stroke + 2 * spread)
        return mask

    def has_room(self, thing):
        """Inside the canvas; apart from the others, or over at most an eighth of either where colours differ."""
        pad = thing.stroke / 2 + 1
        if any(not (pad <= x <= self.width - pad and pad <= y <= self.height - pad) for x, y in thing.paths[0]):
            return False
        tight, wide = self.hull(thing, 0), self.hull(thing, max(2, .025 * self.long))
        area = tight.histogram()[255]
        for other, (mask, size, _) in zip(self.things, self.hulls):
            differ = self.crowded and other.colour != thing.colour
            shared = ImageChops.multiply(mask, tight if differ else wide).histogram()[255]
            if shared and (not differ or shared > .125 * min(area, size)):
                return False
        hidden = [ImageChops.lighter(h, ImageChops.multiply(m, tight)) for m, _, h in self.hulls]
        if any(h.histogram()[255] > size / 7 for h, (_, size, _) in zip(hidden, self.hulls)):
            return False
        self.hulls = [(m, size, h) for h, (m, size, _) in zip(hidden, self.hulls)]
        self.hulls.append((tight, area, Image.new("L", tight.size)))
        return True

    def render(self):
        factor = (1 if not self.smooth else 4 if self.long <= 500 else 3)
        canvas = Image.new("RGB", (self.width * factor, self.height * factor), self.ground_rgb)
        for thing in self.things:
            thing.measure(self.paint(canvas, thing, factor))
        self.image = canvas.resize((self.width, self.height), Image.BOX if factor > 1 else Image.NEAREST)

    def paint(self, canvas, thing, factor):
        """Paint the thing and return the tight box of all of it, in pixels of the finished picture."""
        rng, paths = self.rng, [[(x * factor, y * factor) for x, y in path] for path in thing.paths]
        fill, edge = Image.new("L", canvas.size), Image.new("L", canvas.size)
        for path, ink in zip(paths, (255, 0)):
            ImageDraw.Draw(fill).polygon(path, fill=ink)
            if thing.edge:
                stroke_path(ImageDraw.Draw(edge), path, thing.stroke * factor)
        x0, y0, x1, y1 = bounds = ImageChops.lighter(fill, edge).getbbox()
        fill, edge = fill.crop(bounds), edge.crop(bounds)
        if thing.filling == "solid":
            canvas.paste(thing.rgb, bounds, fill)
        elif thing.filling != "hollow":
            ink, gap = (thing.rgb, self.gap) if thing.filling != "dotted" or rng.random() < .6 else (self.gap, thing.rgb)
            size, plump = min(max(fill.size), 1.3 * min(fill.size)), thing.shape in PLUMP
            least = (.035 if thing.filling == "checkered" else .05) * self.unit * factor
            most = max(least, size / ((5 if plump else 7) if thing.filling == "checkered" else 3.5 if plump else 5))
            tilt = rng.choice((0, 0, 45, rng.uniform(-40, 40))) + (90 * rng.randrange(2) if thing.filling == "striped" else 0)
            mask = pattern_mask(rng, thing.filling, fill.size, rng.uniform((least + most) / 2, most), tilt)
            canvas.paste(gap, bounds, fill)
            canvas.paste(ink, bounds, ImageChops.multiply(fill, mask))
        if thing.edge:
            canvas.paste(thing.edge, bounds, edge)
        left, top = x0 // factor, y0 // factor
        return left, top, -(-x1 // factor) - left, -(-y1 // factor) - top

    # ------------------------------------------------------------ facts

    def matching(self, spec):
        return [t for t in self.things if all(getattr(t, k) == v for k, v in spec.items())]

    def doubtful(self, spec):
        """Whether people might disagree about which things the spec means."""
        rest = {k: v for k, v in spec.items() if k != "shape"}
        if spec.get("shape") == "circle" and self.matching({**rest, "shape": "ring"}):
            return True
        if spec.get("shape") == "ring" and self.matching({**rest, "shape": "circle", "filling": "hollow"}):
            return True
        if spec.get("filling") in ("solid", "hollow") and spec.get("shape", "ring") == "ring" and any(
                t.filling in ("solid", "hollow") for t in self.matching({"shape": "ring"})):
            return True
        colour = spec.get("colour")
        return "shape" not in spec and colour is not None and (
            colour in self.ground or colour == "black" and self.outline == "black")

    def beside(self, a, b, side):
        """Is a on that side of b?"""
        axis, sign = SIDES[side]
        ahead = sign * (a.centre[axis] - b.centre[axis]) / self.long
        across = abs(a.centre[1 - axis] - b.centre[1 - axis]) / self.long
        nearer, further = a.box[axis] - b.box[axis], a.box[axis] + a.box[axis + 2] - b.box[axis] - b.box[axis + 2]
        if ahead > CLEAR and ahead > .5 * across and sign * nearer > 0 and sign * further > 0:
            return True
        return False if ahead < .015 else None

    def bigger(self, a, b):
        if a.size >= 1.36 * b.size and a.area >= 1.5 * b.area:
            return True
        return False if b.size >= 1.36 * a.size and b.area >= 1.5 * a.area else None

    def distance(self, a, b):
        gaps = [max(0, max(a.box[k], b.box[k]) - min(a.box[k] + a.box[k + 2], b.box[k] + b.box[k + 2])) for k in (0, 1)]
        return math.hypot(*gaps) / self.long

    def next_to(self, a, b):
        others = [self.distance(a, c) for c in self.things if c not in (a, b)]
        gap = self.distance(a, b)
        level = abs(a.centre[1] - b.centre[1]) < .4 * abs(a.centre[0] - b.centre[0])
        if level and gap < .07 and all(d >= gap - .02 for d in others):
            return True
        return False if gap > .35 and others and min(others) < .6 * gap else None

    def rank(self, thing, group, side):
        """The thing's place in the group counted from that side, or None where the order is not clear."""
        axis, sign = SIDES[side]
        order = sorted(group, key=lambda t: -sign * t.centre[axis])
        place = order.index(thing)
        steps = [abs(p.centre[axis] - q.centre[axis]) for p, q in zip(order[:place + 1], order[1:place + 2])]
        edge = [sign * (t.box[axis] + (t.box[axis + 2] if sign > 0 else 0)) for t in order]
        clear = all(s > CLEAR * self.long for s in steps) and edge[:place + 1] == sorted(edge, reverse=True)[:place + 1]
        return place + 1 if clear else None

    def extreme(self, thing, group):
        others = [t for t in group if t is not thing]
        for word, sure in (("big", True), ("small", False)):
            if others and all(self.bigger(thing, t) is sure for t in others):
                return word
        return None

    def in_place(self, thing, place):
        at = (thing.centre[0] / self.width, thing.centre[1] / self.height)
        if place == "middle":
            off = max(abs(at[0] - .5), abs(at[1] - .5))
            return True if off < .09 else False if off > .25 else None
        wanted = [at[k] if near else 1 - at[k] for word, k, near in
                  (("left", 0, 1), ("right", 0, 0), ("top", 1, 1), ("bottom", 1, 0)) if word in place]
        return True if max(wanted) < .3 else False if max(wanted) > .6 else None


# ---------------------------------------------------------------- wordings

YES_NO = dict(
    exist="Is there {a}?|Is there {a} in the picture?|Can you see {a}?|Do you see {a} anywhere?|Does the picture have {a}?"
          "|Any {s} here?|any {s}|Are there any {s}?|I'm looking for {a}, is there one?|Does {a} show up in this drawing?"
          "|Would I find {a} in this image?|Is {a} in there somewhere?|Are any {s} visible?|Did somebody draw {a}?",
    none="Is it true that there are no {s}?|Is it correct that there's no {n} here?|Are {s} missing from this picture?"
         "|Is the picture free of {s}?|Would it be right to say there isn't {a}?|Does the picture lack {s}?|are {s} absent here?"
         "|Did they leave out {s} completely?|Are there zero {s}?|Is this drawing without any {s}?|Are we missing {a}?"
         "|Am I right that no {n} was drawn?|Could you say this has no {s}?",
    value="Is {the} {v}?|is {the} {v}|Would you say {the} is {v}?|Is it right that {the} is {v}?|{the}: is it {v}?|{the}, {v} or not?"
          "|Tell me, is {the} {v}?|Is {the} actually {v}?|Is {v} the right word for {the}?|Can you check whether {the} is {v}?"
          "|I think {the} is {v}. Am I right?|Did they make {the} {v}?|Does it look to you like {the} is {v}?",
    more="Are there more {s} than {s2}?|more {s} than {s2}?|Do the {s} outnumber the {s2}?|Can you see more {s} than {s2}?"
         "|Is the number of {s} higher than the number of {s2}?|Are {s} more common here than {s2}?|Do you count more {s} than {s2}?"
         "|If you count them, are there more {s} than {s2}?|Are there fewer {s2} than {s}?|Does the picture have more {s} than {s2}?"
         "|Would you find more {s} here than {s2}?|Did they draw more {s} than {s2}?",
    bigger="Is {the} bigger than {the2}?|Is {the} larger than {the2}?|Is {the2} smaller than {the}?|is {the} bigger than {the2}"
           "|Does {the} look bigger than {the2}?|Comparing {the} with {the2}, is the first one bigger?|Was {the} drawn larger than {the2}?"
           "|Would you say {the} is bigger than {the2}?|Does {the} take up more room than {the2}?|Is {the2} smaller when you compare it with {the}?"
           "|{the} vs {the2}: is the first one larger?|Did they make {the} bigger than {the2}?|Is it true {the} is larger than {the2}?",
    same="Do {the} and {the2} have the same {key}?|Are {the} and {the2} the same {key}?|same {key} for {the} and {the2}?"
         "|Is the {key} of {the} the same as that of {the2}?|Does {the} share its {key} with {the2}?|Is {the} the same {key} as {the2}?"
         "|Does {the} match {the2} in {key}?|Do {the} and {the2} match in {key}?|Would you call {the} and {the2} the same {key}?"
         "|Looking at {key}, are {the} and {the2} alike?|{the} and {the2}: same {key}?|Did they give {the} and {the2} the same {key}?",
    beside="Is {the} {dir} {the2}?|is {the} {dir} {the2}|Is it true that {the} is {dir} {the2}?|Can you see {the} {dir} {the2}?"
           "|Was {the} drawn {dir} {the2}?|Would you say {the} is {dir} {the2}?|Does {the} sit {dir} {the2}?|{the} {dir} {the2}?"
           "|Do I find {the} {dir} {the2}?|Does {the} appear {dir} {the2}?|Did somebody put {the} {dir} {the2}?|Is {the} located {dir} {the2}?",
    next="Is {the} next to {the2}?|Is {the} right beside {the2}?|Are {the} and {the2} neighbours?|Are {the} and {the2} side by side?"
         "|Is {the} close to {the2}?|Does {the} sit next to {the2}?|is {the} next to {the2}|Can you see {the} next to {the2}?"
         "|Was {the} drawn next to {the2}?|Are {the} and {the2} close together?|Would you say {the} is near {the2}?|{the} near {the2}?",
    either="Is there {a} or {a2}?|Can you see {a} or {a2}?|Do you see either {a} or {a2}?|Does it have {a} or {a2}?|any {s} or {s2}?"
           "|Are there any {s} or {s2}?|Is at least one of these here: {a}, {a2}?|Will I find {a} or {a2}?|Is {a} or {a2} in the picture?"
           "|Did they draw {a} or {a2}?|Does the image show any {s} or {s2}?|Can you spot {a} or {a2} anywhere?",
    both="Is there both {a} and {a2}?|Can you see {a} and also {a2}?|Do you see {a} and {a2}?|Does it have both {a} and {a2}?"
         "|Are there {s} as well as {s2}?|Are both {a} and {a2} here?|Will I find {a} and {a2}?|Is {a} in the picture, and {a2} too?"
         "|Did they draw {a} and {a2}?|Does the image show {a} and {a2}?|Can you spot both {a} and {a2}?|both {a} and {a2}?",
    butno="Is there {a} but no {n2}?|Can you see {a} but not {a2}?|Does it have {a} without having {a2}?|{a} but no {n2}?"
          "|Do you see {a} and no {n2}?|Is it true that there's {a} but not {a2}?|Are there {s} but no {s2}?|Any {s} and no {s2}?"
          "|Did they draw {a} and leave out {s2}?|Does the picture show {a} but not {a2}?|Would I find {a} here and no {n2}?"
          "|Is {a} there while {s2} are missing?",
    other="Is there {a} that isn't {v}?|Is any {n} not {v}?|Can you see {a} that is not {v}?|Do you see any {n} that's not {v}?"
          "|Any {s} that aren't {v}?|Are there {s} that are not {v}?|Is at least one {n} something other than {v}?|any {n} not {v}?"
          "|Does it have {a} which isn't {v}?|Did they draw {a} that's not {v}?|Would I find {a} that isn't {v}?|Is some {n} not {v}?",
    all="Are all the {s} {vs}?|Are all {s} {vs}?|Is every {n} {v}?|Is each {n} {v}?|Are the {s} all {vs}?|all {s} {vs}?|Is every single {n} {v}?"
        "|Would you say all the {s} are {vs}?|Does it look like every {n} is {v}?|Are the {s} {vs}, all of them?|Every {n} {v}?"
        "|Is it true that all the {s} are {vs}?|Did they make every {n} {v}?")
WORDED = dict(
    count="How many {s} are there?|how many {s}|How many {s} can you see?|Count the {s}.|What's the number of {s}?|number of {s}?"
          "|How many {s} are in the picture?|Can you count the {s} for me?|How many {s} did they draw?|{s}, how many?"
          "|I need to know how many {s} there are|Tell me how many {s} you see.|How many {s} does the image have?",
    colour="What colour is {the}?|what colour is {the}|Which colour does {the} have?|What is the colour of {the}?|colour of {the}?"
           "|Can you tell me the colour of {the}?|{the}, what colour is it?|In which colour is {the} drawn?|{the} is what colour?"
           "|What colour did they use for {the}?|Name the colour of {the}.|I can't tell, what colour is {the}?|What colour would you call {the}?",
    shape="What shape is {the}?|what is {the}|Which shape is {the}?|What kind of shape is {the}?|What is the shape of {the}?|{the}, what shape is it?"
          "|Can you name {the}?|What do you call {the}?|{the} is what shape?|Tell me what shape {the} is.|What shape did they draw for {the}?"
          "|shape of {the}?|What sort of shape would you call {the}?",
    filling="How is {the} filled?|What kind of fill does {the} have?|Is {the} solid, striped, dotted, checkered or hollow?|filling of {the}?"
            "|how is {the} filled in|What's inside {the}: solid colour, stripes, dots, checks or nothing?|{the}, how is it filled?"
            "|What is the filling of {the}?|In what way is {the} filled in?|What fill did they use for {the}?|What's the fill style of {the}?"
            "|Tell me how {the} is filled.|Describe the fill of {the} in a word.",
    size="How big is {the}?|What size is {the}?|Is {the} small or large?|size of {the}?|Small, medium or large: {the}?|what size is {the}"
         "|Is {the} small or large compared with the picture?|Would you call {the} small, medium or large?|Tell me the size of {the}."
         "|How large is {the} in this picture?|{the}, is it small or large?|What size did they make {the}?|{the}: what size?",
    larger="Which is bigger, {the} or {the2}?|Which one is larger, {the} or {the2}?|What's bigger: {the} or {the2}?|bigger: {the} or {the2}?"
           "|Of {the} and {the2}, which is bigger?|Between {the} and {the2}, which is larger?|Which takes up more room, {the} or {the2}?"
           "|Is {the} or {the2} the bigger one?|Who wins on size, {the} or {the2}?|Which of the two is bigger, {the} or {the2}?"
           "|Did they make {the} or {the2} larger?|{the} or {the2}, which one's bigger?",
    mostly="Are there more {s} or more {s2}?|Which are there more of, {s} or {s2}?|more {s} or {s2}?|What do you see more of, {s} or {s2}?"
           "|Are {s} or {s2} more common here?|Which is more frequent, {s} or {s2}?|What did they draw more of, {s} or {s2}?"
           "|Of {s} and {s2}, which are there more of?|Between {s} and {s2}, which are more numerous?|Do I see more {s} or more {s2}?"
           "|Which group is larger in number, {s} or {s2}?|{s} or {s2}, which are there more of?",
    side="Is {the} {d1} or {d2} {the2}?|is {the} {d1} or {d2} {the2}|Would you say {the} is {d1} or {d2} {the2}?|Does {the} sit {d1} or {d2} {the2}?"
         "|Was {the} drawn {d1} or {d2} {the2}?|Do I find {the} {d1} or {d2} {the2}?|{the}: {d1} or {d2} {the2}?|Did they put {the} {d1} or {d2} {the2}?"
         "|Can you tell if {the} is {d1} or {d2} {the2}?|Which is it, is {the} {d1} or {d2} {the2}?|Is {the} located {d1} or {d2} {the2}?"
         "|Tell me whether {the} is {d1} or {d2} {the2}.",
    beyond="How many {s} are {dir} {the}?|how many {s} {dir} {the}|Count the {s} {dir} {the}.|How many {s} can you see {dir} {the}?"
           "|What's the number of {s} {dir} {the}?|{dir} {the}, how many {s} are there?|How many {s} did they draw {dir} {the}?"
           "|How many {s} would I find {dir} {the}?|Number of {s} {dir} {the}?|Can you count the {s} {dir} {the}?"
           "|How many {s} have they put {dir} {the}?|Tell me how many {s} there are {dir} {the}.",
    without="How many {s} are not {vs}?|How many {s} aren't {vs}?|how many {s} are not {vs}|Count the {s} that aren't {vs}.|Number of {s} that are not {vs}?"
            "|How many {s} can you see that aren't {vs}?|Leaving out the {v} ones, how many {s} are there?|Tell me how many {s} are not {vs}."
            "|How many of the {s} are something other than {vs}?|Of all the {s}, how many are not {vs}?|How many {s} did they draw that aren't {vs}?"
            "|Ignoring any {v} ones, how many {s} do you see?",
    union="How many shapes are {v} or {v2}?|how many shapes are either {v} or {v2}|Count everything that's {v} or {v2}.|How many are {v} or {v2}?"
          "|Taking {v} and {v2} ones together, how many shapes are there?|How many shapes in total are {v} or {v2}?|Number of {v} or {v2} shapes?"
          "|How many {v} and {v2} shapes are there altogether?|How many of the shapes are {v} or {v2}?|{v} plus {v2} shapes: how many?"
          "|If you count {v} and {v2} shapes, how many do you get?|Tell me how many shapes are {v} or {v2}.")
CLAIMS = dict(
    exist="There is {a}.|There is {a} in the picture.|You can see {a}.|The picture contains {a}.|There's {a} somewhere|It shows {a}."
          "|Somebody drew {a}.|At least one {n} is visible.|{a} is in the drawing|One can spot {a} here.|The image includes {a}.",
    none="There is no {n}.|There are no {s}.|You won't find {a} here.|The picture has no {s} at all.|no {n} to be seen|Not a single {n} was drawn."
         "|{s} are missing from this picture.|The drawing doesn't have {a}.|There isn't {a} anywhere.|There are zero {s}.",
    value="{the} is {v}.|{the} is {v}|It's true that {the} is {v}.|In this picture, {the} is {v}.|You can see that {the} is {v}.|It looks like {the} is {v}."
          "|Somebody made {the} {v}.|{the} happens to be {v}.|Whoever drew it, {the} is {v}.|One can tell that {the} is {v}.",
    more="There are more {s} than {s2}.|The {s} outnumber the {s2}.|You can see more {s} than {s2}.|There are fewer {s2} than {s}."
         "|{s} are more common here than {s2}.|They drew more {s} than {s2}.|more {s} than {s2}|The picture has more {s} than {s2}."
         "|If you count, there are more {s} than {s2}.|It shows fewer {s2} than {s}.",
    bigger="{the} is bigger than {the2}.|{the} is larger than {the2}.|{the2} is smaller than {the}.|{the} looks bigger than {the2}."
           "|{the} takes up more room than {the2}|{the} was drawn larger than {the2}.|Compared with {the}, {the2} is smaller.|{the} beats {the2} in size."
           "|Of {the} and {the2}, the first is bigger.|They made {the} bigger than {the2}.",
    same="{the} and {the2} have the same {key}.|{the} and {the2} are the same {key}.|{the} shares its {key} with {the2}.|{the} matches {the2} in {key}."
         "|The {key} of {the} is the same as that of {the2}.|{the} is the same {key} as {the2}|In {key}, {the} and {the2} are alike."
         "|They gave {the} and {the2} the same {key}.|{the} has the same {key} as {the2}.|There's no difference in {key} between {the} and {the2}.",
    beside="{the} is {dir} {the2}.|{the} is {dir} {the2}|You can see {the} {dir} {the2}.|{the} sits {dir} {the2}.|{the} was drawn {dir} {the2}."
           "|There you have {the} {dir} {the2}.|{the} appears {dir} {the2}.|They put {the} {dir} {the2}.|It shows {the} {dir} {the2}."
           "|{the} is located {dir} {the2}.",
    both="There is both {a} and {a2}.|You can see {a} and {a2}.|The picture has {a} as well as {a2}.|{a} and {a2} are both there."
         "|It shows {a} and {a2}.|There are {s} and also {s2}.|{a} plus {a2} can be seen|Besides {a}, there is {a2}.|They drew {a} and {a2}."
         "|Not only {a} but also {a2} can be found here.",
    all="All the {s} are {vs}.|Every {n} is {v}.|Each {n} is {v}.|The {s} are all {vs}.|all {s} are {vs}|Every single {n} is {v}.|They made all the {s} {vs}."
        "|You'd find all the {s} to be {vs}.|All of the {s} here are {vs}.|There isn't {a} that's not {v}.",
    exactly="There's exactly {ns}.|You'd count exactly {ns}.|The picture has exactly {ns}.|exactly {ns}|Number of {s}: {num}.|They drew exactly {ns}."
            "|Counting the {s} gives you {num}.|Exactly {ns} can be seen.|Here we have {ns}, no more and no fewer.|The total number of {s} is {num}.")
NEUTRAL = ("{the} was drawn before lunch.|A child drew this picture.|{the} is supposed to be made of wood|{the} was the hardest to draw."
           "|The person who drew this was in a good mood.|{the} used to be another colour.|It took less than ten minutes to make this."
           "|This was made on a Tuesday.|{the} is somebody's favourite.|The drawing is going to be hung on a wall.|{the} will be rubbed out later."
           "|A teacher made this for her class.|{the} was drawn in a hurry|The artist likes {n} shapes best.|There's another drawing on the back."
           "|{the} was traced from a template.|This picture is one of a series.|Somebody was paid to draw {the}.|Two people worked on this drawing."
           "|{the} is meant as a sign.|{the} feels rough to the touch.|The picture will be used as a logo.|{the} was copied from a book.")
POINTING = ("the {r}|The {r}.|{r}|find the {r}|Where is the {r}?|Point at the {r}.|show me the {r}|Can you find the {r}?|that {r}|I mean the {r}."
            "|Draw a box around the {r}|Please mark the {r}.|click on the {r}|Look at the {r}.|where's the {r}")
DIRECTIONS = dict(left="to the left of|left of|on the left of", right="to the right of|right of|on the right of",
                  above="above|higher up than|further up than", below="below|lower down than|further down than")
EITHER_SIDE = ((("above", "below"), ("below", "above")),
               (("left", "right of"), ("right", "left of"), ("to the left", "to the right of"), ("to the right", "to the left of")))
FIRST = dict(left="leftmost {n}|{n} furthest to the left|first {n} from the left", right="rightmost {n}|{n} furthest to the right|first {n} from the right",
             above="topmost {n}|highest {n}|{n} nearest the top", below="lowest {n}|bottommost {n}|{n} nearest the bottom")
PLACES = {"top left": "in the top left corner|at the top left|in the upper left", "top right": "in the top right corner|at the top right|in the upper right",
          "bottom left": "in the bottom left corner|at the bottom left|in the lower left", "bottom right": "in the bottom right corner|at the bottom right|in the lower right",
          "top": "at the top|near the top|up at the top", "bottom": "at the bottom|near the bottom|down at the bottom", "left": "on the left|on the left side|over on the left",
          "right": "on the right|on the right side|over on the right", "middle": "in the middle|in the centre|right in the middle"}
SAID = dict(striped="striped|striped|stripy", dotted="dotted|dotted|spotted|polka-dot", checkered="checkered|chequered|checked", hollow="hollow|hollow|empty|unfilled",
            solid="solid|solid|filled-in", purple="purple|purple|purple|violet", cyan="cyan|cyan|cyan|turquoise", cross="cross|cross|plus sign", ring="ring|ring|donut",
            crescent="crescent|crescent|moon|crescent moon", diamond="diamond|diamond|rhombus", star="star", heart="heart|heart|love heart")
WITH = dict(striped="with stripes", dotted="with dots|with spots", checkered="with a checkerboard pattern", hollow="with nothing inside")
NUMBERS = "zero one two three four five six seven eight nine ten".split()
KINDS = dict(exist=("exist", "exist", "none"), count=("count",), attribute=("colour", "shape", "filling", "filling", "size", "size", "value"),
             compare=("more", "bigger", "same", "larger", "mostly", "ask_sized"), relation=("beside", "next", "side", "beyond", "ask_ordered"),
             logic=("either", "both", "butno", "other", "all", "without", "union"))
FORMS = ("attributes", "order", "extreme", "place", "relation", "exception")


class Writer:
    """Writes true and false sentences about one picture; `tally` keeps yes and no even over all pictures."""

    def __init__(self, picture, rng, tally):
        self.p, self.rng, self.tally = picture, rng, tally
        self.things = picture.things

    def pick(self, wordings):
        return self.rng.choice(wordings.split("|"))

    def shuffled(self, items):
        return self.rng.sample(list(items), len(items))

    def say(self, word):
        return self.pick(SAID.get(word, word))

    def noun(self, spec, plural=False, bare="shape"):
        shape, adjectives, tail = self.say(spec.get("shape", bare)), [], ""
        if plural:
            shape += "es" if shape.endswith("s") else "es" if shape == "rhombus" else "s"
        if "filling" in spec:
            if spec["filling"] in WITH and self.rng.random() < .2:
                tail = " " + self.pick(WITH[spec["filling"]])
            else:
                adjectives.append(self.say(spec["filling"]))
        if "colour" in spec:
            adjectives.insert(self.rng.randrange(2), self.say(spec["colour"]))
        return " ".join(adjectives + [shape]) + tail

    @staticmethod
    def a(noun):
        return ("an " if noun[0] in "aeiou" else "a ") + noun

    def names(self, spec, mark=""):
        noun = self.noun(spec)
        return {"n" + mark: noun, "a" + mark: self.a(noun), "s" + mark: self.noun(spec, True)}

    def value(self, key, value, plural=False):
        return self.say(value) if key != "shape" else self.noun({"shape": value}, True) if plural else self.a(self.noun({"shape": value}))

    def keys(self, most=3):
        return tuple(self.rng.sample(KEYS, min(most, self.rng.choice((1, 1, 2, 2, 3)))))

    def spec(self, keys, present):
        """A spec of these keys that something (or nothing) in the picture fits, beyond doubt."""
        options = dict(shape=SHAPES, colour=COLOURS, filling=FILLINGS)
        for _ in range(40):
            thing = self.rng.choice(self.things)
            spec = {k: getattr(thing, k) for k in keys}
            if not present:
                spec = {k: getattr(self.rng.choice(self.things), k) if self.rng.random() < .6 else self.rng.choice(options[k]) for k in keys}
            if bool(self.p.matching(spec)) is present and not self.p.doubtful(spec):
                return spec
        return None

    # ------------------------------------------------------------ referring to one thing (or, with None, to nothing)

    def describe(self, thing, avoid=(), forms=("attributes", "attributes", "attributes", "order", "place", "relation")):
        """'the ...', meaning just this thing, without naming the attributes to avoid."""
        for form in self.shuffled(forms):
            phrase = getattr(self, "by_" + form)(thing, avoid)
            if phrase:
                return "the " + phrase
        return None

    def group(self, thing, avoid):
        keys = [k for k in KEYS if k not in avoid]
        chosen = self.rng.sample(keys, self.rng.choice((0, 1, 1)))
        return {k: getattr(thing or self.rng.choice(self.things), k) for k in chosen}

    def by_attributes(self, thing, avoid=()):
        if thing is None:
            spec = self.spec(self.keys(), False)
            return spec and self.noun(spec)
        keys = [k for k in KEYS if k not in avoid]
        for chosen in sorted((c for n in (1, 2, 3) for c in combinations(keys, n)), key=lambda c: len(c) + 1.4 * self.rng.random()):
            spec = {k: getattr(thing, k) for k in chosen}
            if self.p.matching(spec) == [thing] and not self.p.doubtful(spec):
                return self.noun(spec, bare=self.rng.choice(("shape", "shape", "one", "thing")))
        return None

    def by_order(self, thing, avoid=()):
        spec = self.group(thing, avoid)
        side = self.rng.choice(list(SIDES))
        members = self.p.matching(spec)
        if thing is None:
            if self.rng.random() < .5:
                spec, members = self.spec(self.keys(2), False), []
            place = len(members) + 1
            if spec is None or place > 4:
                return None
        else:
            place = self.p.rank(thing, members, side) if len(members) > 1 else None
        if place is None or place > 4 or self.p.doubtful(spec):
            return None
        if place == 1:
            return self.pick(FIRST[side]).format(n=self.noun(spec))
        end = dict(above="top", below="bottom").get(side, side)
        return f"{self.rng.choice(('second 2nd', 'third 3rd', 'fourth 4th')[place - 2].split())} {self.noun(spec)} from the {end}"

    def by_extreme(self, thing, avoid=()):
        spec = self.group(thing, avoid)
        word = self.p.extreme(thing, self.p.matching(spec)) if thing else self.rng.choice(("big", "small"))
        spec = spec if thing else self.spec(self.keys(2), False)
        if word is None or spec is None or self.p.doubtful(spec):
            return None
        return f"{self.pick(dict(big='biggest|largest', small='smallest|tiniest')[word])} {self.noun(spec)}"

    def fits(self, thing, members, verdict):
        """Whether the verdict is True of the thing only, or surely of no member when there is no thing."""
        return bool(members) and all(verdict(t) is (t is thing) for t in members)

    def by_place(self, thing, avoid=()):
        spec = self.group(thing, avoid)
        members = self.p.matching(spec)
        for place in self.shuffled(PLACES):
            if not self.p.doubtful(spec) and self.fits(thing, members, lambda t: self.p.in_place(t, place)):
                return f"{self.noun(spec)} {self.pick(PLACES[place])}"
        return None

    def by_relation(self, thing, avoid=()):
        spec = self.group(thing, avoid)
        for anchor in self.shuffled(self.things):
            members = [t for t in self.p.matching(spec) if t is not anchor]
            for side in self.shuffled(SIDES):
                if anchor is not thing and self.fits(thing, members, lambda t: self.p.beside(t, anchor, side)) and not self.p.doubtful(spec):
                    name = self.by_attributes(anchor, avoid)
                    if name:
                        return f"{self.noun(spec)} {self.pick(DIRECTIONS[side])} the {name}"
        return None

    def by_exception(self, thing, avoid=()):
        key, value = self.rng.choice([k for k in KEYS[1:] if k not in avoid] or ["filling"]), None
        spec = {k: v for k, v in self.group(thing, avoid).items() if k != key}
        members = self.p.matching(spec)
        values = sorted({getattr(t, key) for t in members if t is not thing})
        if len(members) < 2 or len(values) != 1 or (thing and getattr(thing, key) == values[0]):
            return None
        if self.p.doubtful(spec) or self.p.doubtful({key: values[0]}):
            return None
        return f"{self.noun(spec)} that {self.rng.choice(('is not', 'isn’t'))} {self.say(values[0])}".replace("’", "'")

    # ------------------------------------------------------------ facts that are true or false as wanted

    def pair(self, avoid=()):
        if len(self.things) < 2:
            return None
        one, other = self.rng.sample(self.things, 2)
        names = self.describe(one, avoid), self.describe(other, avoid)
        return (one, other, dict(the=names[0], the2=names[1])) if all(names) else None

    def fact_exist(self, want):
        spec = self.spec(self.keys(), want)
        return spec and self.names(spec)

    def fact_none(self, want):
        return self.fact_exist(not want)

    def fact_value(self, want):
        thing, key = self.rng.choice(self.things), self.rng.choice(KEYS)
        true, options = getattr(thing, key), dict(shape=SHAPES, colour=COLOURS, filling=FILLINGS)[key]
        near = [getattr(t, key) for t in self.things] if self.rng.random() < .6 else options
        value, the = true if want else self.rng.choice(near), self.describe(thing, (key,))
        unsure = self.p.doubtful({key: value}) or self.p.doubtful({key: true}) or {value, true} == {"circle", "ring"}
        return dict(the=the, v=self.value(key, value)) if the and not unsure and (value == true) is want else None

    def fact_more(self, want):
        key = self.rng.choice(KEYS)
        one, other = self.spec((key,), True), self.spec((key,), True)
        if not (one and other) or (len(self.p.matching(one)) > len(self.p.matching(other))) is not want:
            return None
        equal = len(self.p.matching(one)) == len(self.p.matching(other))
        return None if equal else {**self.names(one), **self.names(other, "2")}

    def fact_bigger(self, want):
        found = self.pair()
        return found[2] if found and self.p.bigger(*found[:2]) is want else None

    def fact_same(self, want):
        key = self.rng.choice(KEYS)
        found = self.pair((key,))
        values = [getattr(t, key) for t in found[:2]] if found else []
        if not found or (values[0] == values[1]) is not want or set(values) == {"circle", "ring"}:
            return None
        if key == "filling" and any(t.shape == "ring" for t in found[:2]):
            return None
        return {**found[2], "key": "fill" if key == "filling" else key}

    def fact_beside(self, want):
        found, side = self.pair(), self.rng.choice(list(SIDES))
        if not found or not self.p.beside(*(found[:2] if want else found[1::-1]), side):
            return None
        return {**found[2], "dir": self.pick(DIRECTIONS[side])}

    def fact_next(self, want):
        found = self.pair()
        return found[2] if found and self.p.next_to(*found[:2]) is want else None

    def two(self, first, second):
        """Names of two specs of as many keys, each fitting something or nothing as asked."""
        keys = self.keys(2)
        one, other = self.spec(keys, first), self.spec(keys, second)
        return {**self.names(one), **self.names(other, "2")} if one and other and one != other else None

    def fact_either(self, want):
        return self.two(*(self.rng.choice(((True, False), (False, True), (True, True))) if want else (False, False)))

    def fact_both(self, want):
        return self.two(*((True, True) if want else self.rng.choice(((True, False), (False, True)))))

    def fact_butno(self, want):
        return self.two(*((True, False) if want else self.rng.choice(((True, True), (True, True), (False, False)))))

    def fact_all(self, want, least=2):
        group, key = self.rng.sample(KEYS, 2)
        spec = self.spec((group,), True)
        members = self.p.matching(spec) if spec else []
        values = [getattr(t, key) for t in members]
        if len(members) < least or (len(set(values)) == 1) is not want:
            return None
        value = self.rng.choice(values)
        unsure = self.p.doubtful({key: value}) or key == "shape" and {"circle", "ring"} & set(values)
        return None if unsure else {**self.names(spec), "v": self.value(key, value), "vs": self.value(key, value, True)}

    def fact_other(self, want):
        return self.fact_all(not want, self.rng.choice((1, 2)) if not want else 2)

    def fact_exactly(self, want):
        spec = self.spec(self.keys(2), True)
        if not spec:
            return None
        true = len(self.p.matching(spec))
        number = true if want else self.rng.choice([n for n in (true - 1, true + 1, true + 2) if 0 < n < 10])
        return {**self.names(spec), "num": NUMBERS[number], "ns": f"{NUMBERS[number]} {self.noun(spec, number != 1)}"}

    # ------------------------------------------------------------ facts with an answer

    def word_count(self):
        if self.rng.random() < .15:
            return {"s": self.pick("shapes|shapes|objects|figures|things")}, len(self.things)
        spec = self.spec(self.keys(2), self.rng.random() < .85)
        return spec and (self.names(spec), len(self.p.matching(spec)))

    def ask(self, key, forms=("attributes", "attributes", "place", "order", "exception")):
        thing = self.rng.choice(self.things)
        the = self.describe(thing, (key,), forms)
        if not the or key == "filling" and thing.shape == "ring" and thing.filling in ("solid", "hollow"):
            return None
        return dict(the=the), getattr(thing, key)

    def word_size(self):
        thing, want = self.rng.choice(self.things), self.rng.choice(("small", "large"))
        share = thing.size / self.p.long
        clear = share <= .1 if want == "small" else share >= .34
        rivals = [self.p.bigger(t, thing) is (want == "large") for t in self.things if t is not thing]
        the = self.describe(thing)
        if not the or not clear or any(rivals) or self.tally["size", want] > min(self.tally["size", w] for w in ("small", "large")) + 1:
            return None
        self.tally["size", want] += 1
        return dict(the=the), want

    def rivals(self, measure):
        """Two values of one key, 'the star or the circle', and which of them measures more."""
        key = self.rng.choice(("shape", "colour"))
        one, other = self.spec((key,), True), self.spec((key,), True)
        if not one or not other or one == other or {one[key], other[key]} == {"circle", "ring"}:
            return None
        verdict = measure(self.p.matching(one), self.p.matching(other))
        names = {**self.names(one), **self.names(other, "2")}
        names.update(the="the " + names["n"], the2="the " + names["n2"])
        return None if verdict is None else (names, (one if verdict else other)[key])

    def word_larger(self):
        return self.rivals(lambda m, n: self.p.bigger(m[0], n[0]) if len(m) == len(n) == 1 else None)

    def word_mostly(self):
        return self.rivals(lambda m, n: len(m) > len(n) if len(m) != len(n) else None)

    def word_side(self):
        found, side = self.pair(), self.rng.choice(list(SIDES))
        if not found or not self.p.beside(*found[:2], side):
            return None
        first, second = self.rng.choice(EITHER_SIDE[side in ("left", "right")])
        return {**found[2], "d1": first, "d2": second}, side

    def word_beyond(self):
        anchor, side = self.rng.choice(self.things), self.rng.choice(list(SIDES))
        spec = self.group(None, ()) if self.rng.random() < .5 else {}
        the = self.describe(anchor, (), ("attributes",))
        verdicts = [self.p.beside(t, anchor, side) for t in self.p.matching(spec) if t is not anchor]
        if not the or not verdicts or None in verdicts or self.p.doubtful(spec):
            return None
        return {"the": the, "s": self.noun(spec, True), "dir": self.pick(DIRECTIONS[side])}, sum(verdicts)

    def word_without(self):
        group, key = self.rng.sample(KEYS, 2)
        spec = self.spec((group,), True) if self.rng.random() < .6 else {}
        values = [getattr(t, key) for t in self.p.matching(spec)] if spec is not None else []
        value = self.rng.choice(values) if values else None
        if len(values) < 2 or key == "shape" or self.p.doubtful({key: value}):
            return None
        return {"s": self.noun(spec, True), "v": self.say(value), "vs": self.say(value)}, len(values) - values.count(value)

    def word_union(self):
        key = self.rng.choice(KEYS[1:])
        one, other = self.spec((key,), True), self.spec((key,), self.rng.random() < .8)
        if not one or not other or one == other:
            return None
        return {"v": self.say(one[key]), "v2": self.say(other[key])}, sum(len(self.p.matching(s)) for s in (one, other))

    # ------------------------------------------------------------ the finished texts

    def polished(self, text, formal=False):
        """British or American, neat or sloppy, terse or chatty."""
        rng = self.rng
        if rng.random() < .5:
            for british, american in (("colour", "color"), ("favourite", "favorite"), ("neighbour", "neighbor"), ("centre", "center")):
                text = text.replace(british, american)
        else:
            text = text.replace("gray", "grey")
        manner = rng.random()
        if manner < .5 or formal:
            return text[0].upper() + text[1:]
        if manner < .62 and text[-1] in "?" and text[:2] != "I'":
            start = text if text[:2] == "I " else text[0].lower() + text[1:]
            return rng.choice(("Hey, ", "Um, ", "Quick question: ", "hi! ", "So ", "OK, ", "please tell me, ", "Look closely: ")) + start
        if manner < .82:
            text = text.lower()
        return text.rstrip("?.") if manner > .72 else text

    def balanced(self, table, family, want=None):
        """A sentence of a true-or-false family and whether it holds; which, the tally decides unless wanted."""
        lean = self.tally[family, True] - self.tally[family, False]
        wanted = want if want is not None else lean < 0 or lean == 0 and self.rng.random() < .5
        for _ in range(12):
            slots = getattr(self, "fact_" + family)(wanted)
            if slots:
                if want is None:
                    self.tally[family, wanted] += 1
                return self.pick(table[family]).format(**slots), wanted
        return None

    def worded(self, family):
        for _ in range(12):
            table = family
            if family in ("ask_sized", "ask_ordered"):
                table = self.rng.choice(KEYS)
                found = self.ask(table, ("extreme",) if family == "ask_sized" else ("order", "relation"))
            else:
                found = self.ask(family) if family in KEYS else getattr(self, "word_" + family)()
            if found:
                return self.pick(WORDED[table]).format(**found[0]), str(found[1])
        return None

    def questions(self, number=6):
        result, asked = [], set()
        for kind in list(KINDS) + [self.rng.choice(list(KINDS)) for _ in range(12)]:
            for family in self.shuffled(KINDS[kind])[:3] if len(result) < number else ():
                found = self.balanced(YES_NO, family) if family in YES_NO else self.worded(family)
                if found and found[0].lower() not in asked:
                    asked.add(found[0].lower())
                    answer = found[1] if isinstance(found[1], str) else "yes" if found[1] else "no"
                    result.append(dict(question=self.polished(found[0]), answers=[answer], kind=kind))
                    break
        return result

    def hypotheses(self):
        result = []
        for family in self.shuffled(CLAIMS):
            both = [self.balanced(CLAIMS, family, want) for want in (True, False)]
            if all(both):
                result = [dict(hypothesis=self.polished(text, self.rng.random() < .6), label="entailment" if holds else "contradiction")
                          for text, holds in both]
                break
        the = self.describe(self.rng.choice(self.things)) or "one of the shapes"
        text = self.pick(NEUTRAL).format(the=the, n=self.say(self.rng.choice(self.things).colour))
        return result + [dict(hypothesis=self.polished(text, self.rng.random() < .6), label="neutral")]

    def expressions(self, number=3):
        result, said = [], set()
        for _ in range(40):
            form = self.rng.choice(FORMS)
            absent = 5 * self.tally[form, "none"] < self.tally[form, "one"]
            thing = None if absent else self.rng.choice(self.things)
            phrase = getattr(self, "by_" + form)(thing)
            if phrase and phrase not in said and len(result) < number:
                said.add(phrase)
                self.tally[form, "none" if absent else "one"] += 1
                result.append(dict(expression=self.polished(self.pick(POINTING).format(r=phrase)), box=list(thing.box) if thing else None))
        return result

    def captions(self):
        """Two captions: everything listed, and how things lie."""
        kinds = Counter((t.colour, t.filling, t.shape) for t in sorted(self.things, key=lambda t: t.centre))
        listed = []
        for (colour, filling, shape), number in kinds.items():
            spec = dict(shape=shape, colour=colour, **({} if filling == "solid" else dict(filling=filling)))
            listed.append(self.a(self.noun(spec)) if number == 1 else f"{NUMBERS[number]} {self.noun(spec, True)}")
        ground = f" on {self.a(self.p.ground)} background"
        first = self.pick("A picture of |This shows |A drawing of |You can see ||There's |An image with |Just |") + self.listing(listed) + ground
        count = len(self.things)
        second, used = [], []
        for one, other in self.shuffled(list(combinations(self.things, 2))):
            sides = [s for s in SIDES if self.p.beside(one, other, s)]
            if sides and one not in used and other not in used and len(used) < 6:
                used += [one, other]
                second.append(f"{self.a(self.full(one))} {self.pick(DIRECTIONS[self.rng.choice(sides)])} {self.a(self.full(other))}")
        for thing in self.things:
            place = next((p for p in PLACES if self.p.in_place(thing, p)), None)
            if thing not in used and len(second) < 3 and (place or not second or len(self.things) == 2):
                second.append(self.a(self.full(thing)) + (" " + self.pick(PLACES[place]) if place else ""))
        number = self.rng.choice((str(count), NUMBERS[count])) + (" shape" if count == 1 else " shapes")
        joined = self.listing(second)
        second = f"{number}: {joined}" if count <= 2 else self.rng.choice((f"{joined}, {number} in all", f"{number}, among them {joined}"))
        return [self.polished(text + self.rng.choice((".", "")), self.rng.random() < .6) for text in (first, second)]

    def full(self, thing):
        return self.noun({k: getattr(thing, k) for k in KEYS if k != "filling" or thing.filling != "solid"})

    @staticmethod
    def listing(items):
        return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def write_dataset(out, pictures, seed):
    (out / "images").mkdir(parents=True, exist_ok=True)
    rows, tally, names = {k: [] for k in ("objects", "captions", "vqa", "entailment", "referring")}, Counter(), []
    for index in range(pictures):
        rng = random.Random(f"{seed}/{index}")
        picture = Picture(rng)
        name = f"{index:03d}.{'jpg' if index % 5 == 3 else 'png'}"
        picture.image.save(out / "images" / name, **(dict(quality=rng.randint(60, 95)) if name.endswith("jpg") else {}))
        writer = Writer(picture, rng, tally)
        rows["objects"].append(dict(image=name, objects=[
            {"box": list(t.box), "class": t.shape, "attributes": [t.colour, t.filling]} for t in picture.things]))
        for kind, made in (("captions", [dict(caption=c) for c in writer.captions()]), ("vqa", writer.questions()),
                           ("entailment", writer.hypotheses()), ("referring", writer.expressions())):
            rows[kind] += [dict(image=name, **row) for row in made]
        names.append(name)
    for kind, lines in rows.items():
        (out / f"{kind}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (out / "splits.json").write_text(json.dumps(dict(train=[], val=[], test=names)) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write_dataset(options.out, options.pictures, options.seed)
