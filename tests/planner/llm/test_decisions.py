"""What an answer comes to: absurd values, gaps, wishes, and what the rules fill in."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from composer.cues import CueSheet
from composer.instruments import INSTRUMENTS, ROLES, known_names
from composer.options import Options
from composer.plan import DYNAMICS, FORMS
from composer.planner.arrange import arrange
from composer.planner.llm.decisions import decide
from composer.planner.llm.reply import Faulty, find_json, read_reply, schema
from composer.planner.llm.text import one_line, without_secrets
from composer.planner.llm.turns import turning_points
from composer.planner.outline import Outline
from composer.theory.moods import MOODS
from composer.theory.motif import VARIATIONS
from tests.planner.llm import films


def outline(answer: Any, options: Options | None = None, sheet: CueSheet | None = None) -> Outline:
    sheet = sheet or films.cues()
    base = films.base(sheet)
    reply, notes = read_reply(json.dumps(answer))
    return decide(reply, films.film(), sheet, options or Options(), base, turning_points(sheet, base), "m", notes)


def one(**section: Any) -> dict[str, Any]:
    """An answer of one section."""
    return {"sections": [{"turn": 0, **section}]}


def covers(told: Outline, sheet: CueSheet) -> bool:
    """Whether the sections of every cue join without a gap from its first moment to its last, none too short."""
    for cue in sheet.cues:
        spans = [(s.start_s, s.end_s) for s in told.sections if s.cue == cue.id]
        joined = all(a[1] == b[0] for a, b in zip(spans, spans[1:], strict=False))
        if not (spans and joined and spans[0][0] == cue.start_s and spans[-1][1] == cue.end_s):
            return False
        if len(spans) > 1 and min(end_s - start_s for start_s, end_s in spans) < 8:
            return False
    return True


def noted(told: Outline, words: str) -> bool:
    return any(words in note for note in told.notes)


def faults(answer: Any, **kinds: Any) -> str:
    with pytest.raises(Faulty) as caught:
        outline(answer, **kinds)
    return "\n".join(caught.value.faults)


# --- absurd values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "taken"), [(900, 76), (1e9, 76), (0, 52), (-5, 52), (40, 40), (220, 220), ("96", 96)])
def test_tempi(told, taken):
    made = outline(one(mood="sad", tempo=told))
    assert made.sections[0].qpm == taken
    assert noted(made, "cannot be played") == (float(told) != taken)
    low, high = made.sections[0].qpm_range
    assert low < taken < high
    assert high / low < 1.2


@pytest.mark.parametrize("tempo", [float("nan"), float("inf"), "fast", [96]])
def test_tempi_that_are_none(tempo):
    with pytest.raises(Faulty, match=r"sections\[0\]\.tempo"):
        read_reply(json.dumps(one(tempo=tempo)))


def test_four_hundred_sections_are_refused():
    told = faults({"sections": [{"start_s": i * 0.15, "mood": "tense", "tempo": 900} for i in range(400)]})
    assert told == "sections: 400 are too many; write at most 60, of 8 seconds and more"


def test_sixty_sections_become_a_few():
    made = outline({"sections": [{"start_s": float(i), "mood": "tense", "tempo": 900, "density": 7} for i in range(60)]})
    assert covers(made, films.cues())
    assert len(made.sections) <= 7
    assert noted(made, "of 60 sections")


def test_notes_are_few_and_short_and_of_sections_that_are_there():
    silly = [{"start_s": 10.0 * i, "tempo": 900, "density": 7 + i, "roles": {"melody": [f"{i}" * 39] * 60}} for i in range(6)]
    unheard = [{"start_s": 10.0 * i + 1, "density": 99} for i in range(6)]
    made = outline({"sections": [*silly, *unheard]})
    assert noted(made, "sections[0, 1, 2, 3, 4, 5]: tempo 900 cannot be played")
    assert noted(made, "sections[5]: density 12 is not between 0 and 1")
    assert not noted(made, "density 99")
    many = outline(
        {
            "sections": [{"turn": 0, "roles": {"melody": ["kazoo"]}}],
            "themes": [{"letter": c, "motif": "?" * 300} for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"],
        }
    )
    assert len(many.notes) == 20
    assert many.notes[-1] == "and 8 more things were put right"
    assert max(map(len, (*made.notes, *many.notes))) <= 200


def test_sixty_instruments_become_two_dozen():
    made = outline({**one(), "instruments": list(INSTRUMENTS)[:44] + ["piano"] * 20})
    assert len(made.instruments) == 24
    assert noted(made, "of 64 names of instruments only the first 60 were read")
    assert noted(made, "44 instruments are too many: the first 24 of them play")
    same = outline({**one(), "instruments": ["piano"] * 61})
    assert same.instruments == ("piano",)
    assert same.notes == ("of 61 names of instruments only the first 60 were read",)


@pytest.mark.parametrize("options", [Options(), Options(instruments=("cello",))])
def test_thousands_of_names_are_not_all_looked_up(options):
    names = [f"q{i}" for i in range(9_000)]
    began_s = time.monotonic()
    made = outline({**one(roles={"melody": names}), "instruments": ["cello", *(names if options.instruments else [])]}, options)
    assert made.instruments == ("cello",)
    assert time.monotonic() - began_s < 2.0


def test_sixty_instruments_beyond_those_asked_for_are_left_out():
    made = outline({**one(), "instruments": list(INSTRUMENTS)}, Options(instruments=("cello", "flute")))
    assert made.instruments == ("flute", "cello")
    assert noted(made, "only the instruments asked for play")


def test_an_unknown_instrument_is_the_nearest_or_a_fault():
    made = outline({**one(), "instruments": ["Violns", "muted trumpets"]})
    assert made.instruments == ("muted_trumpet", "violins_1")
    assert noted(made, "'Violns' was read as violins")
    assert "there is no instrument 'theremin'" in faults({**one(), "instruments": ["theremin"]})


def test_sections_that_do_not_cover_are_stretched():
    made = outline({"sections": [{"start_s": 15.0, "key": "A minor"}, {"start_s": 39.0, "key": "E minor"}]})
    assert [(s.start_s, s.end_s, s.key) for s in made.sections] == [
        (0, 40, "A minor"),
        (40, 60, "E minor"),
    ]  # 39 s is meant to be the cut at 40 s
    assert noted(made, "began at 12.0 s only")


def test_a_start_far_from_every_turn_stays():
    assert [s.start_s for s in outline({"sections": [{"turn": 0}, {"start_s": 34.2}]}).sections] == [0, 34.2]


def test_sections_out_of_order_are_put_in_order():
    made = outline({"sections": [{"turn": 4, "key": "E minor"}, {"turn": 0, "key": "A minor"}]})
    assert [s.key for s in made.sections] == ["A minor", "E minor"]


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ({"turn": 6}, "sections[0].turn: there is no turning point 6; they go from 0 to 5"),
        ({"turn": -1}, "sections[0].turn"),
        ({"start_s": 60.0}, "sections[0].start_s: 60 s is not in the music"),
        ({"start_s": -3}, "sections[0].start_s"),
        ({"turn": 0, "mood": "fearfull"}, "sections[0].mood: 'fearfull' is none. Did you mean fearful"),
        ({"turn": 0, "form": "chorus"}, "sections[0].form"),
        ({"turn": 0, "dynamics": "loud"}, "sections[0].dynamics"),
        ({"turn": 0, "theme": "AB"}, "sections[0].theme"),
        ({"turn": 0, "key": "X"}, "sections[0].key"),
        ({"turn": 0, "progression": ["i", "Dm"]}, "write 'Dm' as a roman numeral"),
        ({"turn": 0, "progression": ["i", "!!"]}, "unknown chord '!!'"),
    ],
)
def test_what_cannot_be_meant_is_named(section, fault):
    assert fault in faults({"sections": [section]})


def test_a_later_section_needs_a_start():
    assert "sections[1]: needs the number of its turning point" in faults({"sections": [{}, {}]})


def test_a_motif_that_cannot_be_sung_is_left_out():
    made = outline({**one(theme="A"), "themes": [{"letter": "A", "motif": "do re mi"}, {"letter": "b", "motif": "0.01:1"}]})
    assert noted(made, "the motif of theme A was left out")
    assert noted(made, "the motif of theme B was left out: its notes are too short")
    assert made.themes[0].motif == "1:1 1:3 2:5"  # the rules' own


def test_too_long_a_phrase_is_cut():
    made = outline(one(progression=["i | VI | iv | V | i | VI"] * 40))
    assert len(made.sections[0].progression) == 32
    assert made.sections[0].progression[0] == "i VI iv V"
    assert noted(made, "at most 32 bars")


@pytest.mark.parametrize(("told", "written"), [(2, 4), (3, 3), (4, 4), (6, 3), (5, 4), (0, 4), (99, 4), (None, 4)])
def test_metres(told, written):
    assert outline({**one(), "beats_per_bar": told}).beats_per_bar == written


def test_text_stays_one_short_line():
    made = outline({**one(reason="up\nand\x00 down \x1b[31m\u202e" + "x" * 9999), "title": "a\r\nb\u200b" + "y" * 999, "style": "\t"})
    assert made.title.startswith("a by")
    assert len(made.title) <= 80
    assert made.style == "film score"
    assert len(made.sections[0].reason) < 260
    assert all(text.isprintable() for text in (made.title, made.sections[0].reason))


# --- more than one cue; long films ------------------------------------------------------------------------------------


def test_every_cue_is_covered():
    sheet = films.two_cues()
    made = outline({"sections": [{"turn": 0, "key": "A minor"}, {"start_s": 33.0, "key": "E minor"}]}, sheet=sheet)
    assert covers(made, sheet)
    assert [(s.cue, s.key, s.modulation) for s in made.sections] == [("1m1", "A minor", ""), ("1m2", "E minor", "")]
    assert noted(made, "where no music is wanted")


def test_a_cue_that_was_left_out_goes_on_as_before():
    sheet = films.two_cues()
    made = outline({"sections": [{"turn": 0, "key": "A minor"}]}, sheet=sheet)
    assert covers(made, sheet)
    assert {s.key for s in made.sections} == {"A minor"}
    assert noted(made, "no section was told for 1m2")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.integers(0, 3).map(lambda n: {"turn": n}), st.floats(0, 59.9).map(lambda s: {"start_s": s})), min_size=1, max_size=30
    )
)
def test_whatever_is_told_covers_every_cue(starts):
    for sheet in (films.cues(), films.two_cues()):
        assert covers(outline({"sections": starts}, sheet=sheet), sheet)


WORDS = [
    "I",
    "ii",
    "iii",
    "IV",
    "V",
    "vi",
    "viio7",
    "bVI",
    "bVII",
    "bII6",
    "V7/iv",
    "V65",
    "i",
    "iv",
    "v",
    "VI",
    "VII",
    "III+",
    "ii65",
    "#ivo7",
    "Iadd9",
    "Vsus4",
    "I5",
    "IVmaj7",
    "iø7",
    "V7sus4",
    "IV/1",
    "iq4",
]
KEYS = st.sampled_from(["D minor", "F# dorian", "Ab lydian", "B phrygian", "C major", "E mixolydian"])
SECTIONS = st.fixed_dictionaries(
    {"start_s": st.floats(0, 59.9)},
    optional={
        "mood": st.sampled_from(list(MOODS)),
        "key": KEYS,
        "tempo": st.floats(-10, 1000),
        "form": st.sampled_from(FORMS),
        "theme": st.sampled_from("ABZ"),
        "variation": st.sampled_from(VARIATIONS),
        "dynamics": st.sampled_from(DYNAMICS),
        "density": st.floats(-1, 2),
        "progression": st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join), max_size=9),
        "roles": st.dictionaries(st.sampled_from(ROLES), st.lists(st.sampled_from(known_names()), max_size=3)),
    },
)
ANSWERS = st.fixed_dictionaries(
    {"sections": st.lists(SECTIONS, min_size=1, max_size=12)},
    optional={"home_key": KEYS, "beats_per_bar": st.integers(1, 9), "instruments": st.lists(st.sampled_from(known_names()), max_size=9)},
)
WISHES = (Options(), Options(key="D minor", tempo_qpm=96), Options(steady=True, instruments=("strings", "flute")), Options(mood="sad"))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(ANSWERS, st.sampled_from(WISHES))
def test_whatever_is_told_becomes_a_plan_in_which_everybody_plays(answer, options):
    plan = arrange(outline(answer, options), films.film(), films.cues(), options)  # it checks itself
    playing = {part for s in plan.sections for players in s.roles.values() for part in players} | {
        p for s in plan.sections for p in s.doubles
    }
    assert playing == {part.id for part in plan.parts}


# --- wishes, and what the rules fill in -------------------------------------------------------------------------------


def test_wishes_win():
    options = Options(key="F# minor", mood="sad", tempo_qpm=80, instruments=("cello", "piano"))
    made = outline(films.FANFARE, options)
    assert made.key == "F# minor"
    assert {(s.key, s.mood, s.modulation) for s in made.sections} == {("F# minor", "sad", "")}
    assert {s.qpm for s in made.sections} == {90}  # as the rules have it, who know the wish
    assert made.instruments == ("piano", "cello")
    assert {s.progression for s in made.sections} == {()}  # major chords would not be heard as F# minor
    assert noted(made, "its chords were for Bb major")


def test_an_empty_answer_is_the_rules_own():
    made, base = outline({"sections": [{}]}), films.base()
    assert (made.origin, made.title, made.key, made.instruments) == ("llm:m", base.title, base.key, base.instruments)
    assert [(s.mood, s.key, s.qpm, s.dynamics, s.density) for s in made.sections] == [("hopeful", "D major", 90, "mf", 0.5)]


def test_the_film_itself_is_measured_not_told():
    calm, dark, after = outline({"sections": [{"turn": 0}, {"turn": 2}, {"turn": 4}]}).sections
    assert calm.valence == pytest.approx(0.3)
    assert dark.valence == pytest.approx(-0.6)
    assert dark.arousal == pytest.approx(0.6)
    assert dark.tension > calm.tension
    assert after.cut_rate == pytest.approx(0.1)


def test_roles_are_only_given_to_who_can():
    roles = {"melody": ["drums", "flute"], "bass": ["piccolo", "contrabass"], "percussion": ["drums", "cello"], "harmony": ["kazoo"]}
    made = outline({**one(roles=roles), "instruments": ["drums", "flute", "piccolo", "contrabass", "cello"]})
    assert made.sections[0].roles == {"melody": ("flute",), "bass": ("contrabass",), "percussion": ("drums",)}
    assert noted(made, "sections[0]: left out drums as melody, kazoo as harmony, piccolo as bass, cello as percussion")


def test_a_role_that_is_told_to_be_empty_is_nobodys():
    roles = {"melody": ["cellos"], "bass": [], "pad": None, "counter": ["kazoo"]}
    assert outline(one(roles=roles)).sections[0].roles == {"melody": ("cellos",), "bass": ()}


@pytest.mark.parametrize(("told", "taken"), [("fff", "ff"), (" FFFF ", "ff"), ("PPP", "pp"), ("Mf", "mf")])
def test_dynamics(told, taken):
    assert outline(one(dynamics=told)).sections[0].dynamics == taken


def test_odd_forms_are_done_and_told():
    made = outline(
        {
            "sections": [
                {"turn": 0, "form": "ending"},
                {"turn": 2, "form": "climax"},
                {"turn": 3, "form": "climax"},
                {"turn": 4, "form": "opening"},
            ]
        }
    )
    assert [section.form for section in made.sections] == ["ending", "climax", "climax", "opening"]
    assert made.notes == ("the model has 2 sections that are the climax", "the model has an ending before an opening")


def test_themes_belong_to_looks_and_voices():
    made = outline({**films.NOIR, "themes": [{"letter": "A", "instrument": "drums"}]})
    assert [(t.letter, t.part, t.look) for t in made.themes] == [("A", "muted_trumpet", None)]


def test_a_theme_is_plain_at_first():
    made = outline({"sections": [{"turn": 0, "theme": "B", "variation": "inverted"}, {"turn": 2, "variation": "inverted"}]})
    assert [(s.theme, s.variation) for s in made.sections] == [("B", "plain"), ("B", "inverted")]


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": "}{"}', {"a": "}{"}),
        ('x {"a": "\\"}"} y', {"a": '"}'}),
        ("don't {mind} {\"a\": 1} me", {"a": 1}),
        ("```json\n{\"a\": 1}\n```", {"a": 1}),
        ("{" * 1000, None),
        ('{"a": ', None),
        ("", None),
        ("[1]", None),
        ('{"sections": [1]} or {"sections": [2]} {"a": 1}', {"sections": [2]}),
        ('<think>{"sections": []} or {"a": "{"}</think> {"sections": [1]}', {"sections": [1]}),
        ('It is 5" {wide} and {"so": {"on {\\n" : {"sections": [1]}', {"sections": [1]}),
        ('[{"plan": {"sections": [1]}}]', {"sections": [1]}),
        ('{"a": {"b": 1}, "c', None),
        ("```" + "\n" * 190_000, None),
        ('{"' * 90_000, None),
        ("{" + " " * 190_000, None),
    ],

)  # fmt: skip
def test_finding_json(text, found):
    assert find_json(text) == found


def test_made_up_fields_are_dropped_and_told():
    reply, notes = read_reply(
        json.dumps({"sections": [{"turn": 0, "mode": "x", "roles": {"lead": ["piano"], "bass": ["piano"]}}], "path": "/"})
    )
    assert reply.sections[0].roles is not None
    assert reply.sections[0].roles.bass == ["piano"]
    assert notes == ("fields the model made up were left out: sections.mode, roles.lead, path",)


def test_the_schema_names_the_words():
    section = schema()["$defs"]["SectionReply"]["properties"]
    assert "fearful" in section["mood"]["anyOf"][0]["enum"]
    assert json.dumps(schema()).count("default") == 0


@given(st.text(), st.integers(1, 50))
def test_one_line_is_one_line(text, limit):
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
    assert one_line(line, limit) == line


@pytest.mark.parametrize(
    "text", ["Authorization: Bearer abcdefghijklmnopqrstuvwxyz", "Incorrect key: sk-abc***xyz.", "it is my-own-key-123"]
)
def test_secrets_are_hidden(text):
    hidden = without_secrets(text, "my-own-key-123")
    assert "[key]" in hidden
    assert not any(secret in hidden for secret in ("abcdefghijk", "sk-abc", "my-own"))


def test_words_that_only_look_like_secrets_stay():
    text = "a basic pulse, the ring bearer theme, none of it secret"
    assert without_secrets(text, "none") == text
