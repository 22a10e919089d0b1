"""From folders of public scores to clean, folded passages with a work, a licence and a split."""
