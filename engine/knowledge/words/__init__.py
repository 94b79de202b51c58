"""Words of texts and of questions: stems, numbers, synonyms, other languages."""
