"""A plan for a re-edited picture. To be read in this order:

1. `survival`: which bars keep the whole of their picture, and the gaps between them;
2. `refit`: how a gap is filled with bars again (`filling`: the nouns; `bar_timing`: tempi; `patching`: whose notes they keep);
   `steady`: the same where every bar has to have one tempo;
3. `resection`: sections, cues and chords of the bars that came out;
4. `rehits`: what becomes of the hits; `fresh`: where the new film asks for its own;
5. `replan`: all of it in order, and the account of what changed.
"""

from composer.planner.reconform.replan import reconform

__all__ = ["reconform"]
