"""What a voice is given to say for what is written: numbers, money, dates, codes; without layout."""
