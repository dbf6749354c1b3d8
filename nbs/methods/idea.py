"""The figure of a method's idea: six layers, and what it takes out of them

Drawn on nothing, in colors that the site's dark mode can turn over.
"""

from matplotlib.patches import Rectangle

from twossp.reporting.report import new_figure

ATTN, FFN, WORDS = '#4a78a8', '#f5851a', '#555555'
LEFT, WIDE, GAP = 1.0, 2.4, 0.15


def box(ax, x, y, width, color, full):
    "What is kept of a part, and the outline of what it was"
    ax.add_patch(Rectangle((x, y), full, 0.7, fill=False, ec=WORDS, ls=':', lw=1))
    if width > 0:
        ax.add_patch(Rectangle((x, y), width, 0.7, fc=color, ec='none'))


def draw_layers(ax, x, title, attn, ffn, stream=1.0):
    "One model: its layers from below, attention beside FFN; stream: share of their height"
    for i, (a, f) in enumerate(zip(attn, ffn, strict=True)):
        y = i + 0.35 * (1 - stream)
        box(ax, x, i, 0, ATTN, LEFT)
        box(ax, x + LEFT + GAP, i, 0, FFN, WIDE)
        for left, share, color, full in (
            (x, a, ATTN, LEFT),
            (x + LEFT + GAP, f, FFN, WIDE),
        ):
            size = (full * share, 0.7 * stream)
            ax.add_patch(Rectangle((left, y), *size, fc=color, ec='none'))
    middle = x + (LEFT + GAP + WIDE) / 2
    ax.text(middle, len(attn) + 0.25, title, ha='center', color=WORDS, fontsize=11)
    ax.text(x + LEFT / 2, -0.5, 'attention', ha='center', color=WORDS, fontsize=9)
    ax.text(x + LEFT + GAP + WIDE / 2, -0.5, 'FFN', ha='center', color=WORDS, fontsize=9)


def draw(attn, ffn, stream=1.0, name='pruned'):
    "Dense beside pruned; attn, ffn: the share that is kept, a layer from below"
    fig = new_figure(6.4, 2.7)
    fig.patch.set_alpha(0)
    ax = fig.add_axes((0, 0, 1, 1))
    ones, width = [1] * len(attn), LEFT + GAP + WIDE
    draw_layers(ax, 0, 'dense', ones, ones)
    draw_layers(ax, width + 1.6, name, attn, ffn, stream)
    arrow = dict(arrowstyle='->', color=WORDS, lw=1.5)
    y = len(attn) / 2
    ax.annotate('', (width + 1.3, y), (width + 0.3, y), arrowprops=arrow)
    ax.set(xlim=(-0.3, 2 * width + 1.9), ylim=(-0.8, len(attn) + 0.8))
    ax.set_axis_off()
    return fig


def describe(attn, ffn, stream=1.0):
    "The same in words, for those who hear the page"
    gone = [str(i) for i, a in enumerate(attn) if not a]
    shares = [f'{f:.0%}' for f in ffn]
    layers = 'layer' if len(gone) == 1 else 'layers'
    said = f'attention removed from {layers} {", ".join(gone)}' if gone else 'every attention'
    narrow = f'of the FFNs {", ".join(shares)} kept'
    width = f', all on a stream of {stream:.0%} of the width' if stream < 1 else ''
    return f'Six layers, dense and pruned: {said}; {narrow}{width}'
