"""Planning by a language model: a compact description of the film goes to a server that speaks chat completions, an `Outline` comes back.

    Film + CueSheet + Options + the rules' own Outline ──prompt──▶ messages ──server──▶ text ──reply──▶ Reply ──wishes──▶ Outline

The model decides style, form, moods, keys, tempi, harmony, themes and who plays. Time stays ours: where sections begin is drawn to the
picture's turns, hits and tempo map are solved by `composer.planner.arrange` as for the rules. Its answer is only ever read into typed,
bounded fields; nothing of it names a file, a command or an address. docs/llm.md tells the whole.
"""

from composer.errors import LlmError
from composer.planner.llm.conversation import Answer, messages, outline
from composer.planner.llm.server import DEFAULT_MODEL, check_server, model_name
from composer.planner.llm.showing import moments, shown_prompt

__all__ = ["DEFAULT_MODEL", "Answer", "LlmError", "check_server", "messages", "model_name", "moments", "outline", "shown_prompt"]
