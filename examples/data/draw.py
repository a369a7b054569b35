"""Draws the pictures of the examples again: a meter, a chart, a page of a tariff.  `python examples/data/draw.py`, with pillow."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
INK, PAPER, SIGNAL = "#1d2b36", "#f7f5ee", "#2f7d5b"


def sheet(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (width, height), PAPER)
    return picture, ImageDraw.Draw(picture)


def save(picture: Image.Image, name: str) -> None:
    picture.quantize(32).save(HERE / name, optimize=True)


def meter(number: str, reading: str) -> Image.Image:
    """An electricity meter, with its number and what it shows."""
    picture, draw = sheet(420, 260)
    draw.rounded_rectangle((10, 10, 410, 250), 24, fill="#d9d7cf", outline=INK, width=4)
    draw.text((210, 48), f"No. {number}", INK, ImageFont.load_default(24), "mm")
    for place, digit in enumerate(reading):
        left = 62 + 60 * place
        draw.rectangle((left, 90, left + 50, 170), fill=INK)
        draw.text((left + 25, 130), digit, PAPER, ImageFont.load_default(48), "mm")
    draw.text((210, 212), "kWh", INK, ImageFont.load_default(28), "mm")
    return picture


def chart(title: str, bars: dict[str, int]) -> Image.Image:
    """Bars from the left to the right, each with its number above and its name below."""
    picture, draw = sheet(560, 360)
    draw.text((280, 28), title, INK, ImageFont.load_default(24), "mm")
    for place, (name, value) in enumerate(bars.items()):
        middle, top = 70 + 84 * place, 310 - 230 * value // max(bars.values())
        draw.rectangle((middle - 28, top, middle + 28, 310), fill=SIGNAL)
        draw.text((middle, top - 14), str(value), INK, ImageFont.load_default(18), "mm")
        draw.text((middle, 332), name, INK, ImageFont.load_default(18), "mm")
    draw.line((24, 310, 536, 310), fill=INK, width=3)
    return picture


def page(title: str, lines: list[str]) -> Image.Image:
    picture, draw = sheet(480, 90 + 44 * len(lines))
    draw.text((30, 40), title, SIGNAL, ImageFont.load_default(30), "lm")
    for place, line in enumerate(lines):
        draw.text((30, 96 + 44 * place), line, INK, ImageFont.load_default(24), "lm")
    return picture


if __name__ == "__main__":
    save(meter("7731", "42317"), "meter.png")
    hours = {"06": 120, "07": 340, "08": 510, "09": 280, "10": 190, "11": 90}
    save(chart("Cars per hour at the A1 plaza", hours), "chart.png")
    tariff = ["10 at night to 6 in the morning", "Each axle: 2 dollars", "Motorcycles: free"]
    save(page("Night tariff", tariff), "night_tariff.png")
