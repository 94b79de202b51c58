"""The words that questions are made of, language by language: what is asked for, how a question leans on another. Data
for ``question.py``; patterns are searched in lower-case words with single blanks between them.
"""

import re
from typing import Literal

Wants = Literal["", "who", "when", "where", "how_much", "how_many", "how_long", "yes_no", "which", "how", "why"]

_MONEY_EN = "cost|costs|price|prices|fee|fees|charge|charges|fare|tariff|rate|amount|fine|penalty|deposit|rent"
_W = r"(?<![^ ])"
"""Begin of a word."""


def _table(**patterns: str) -> tuple[tuple[Wants, "re.Pattern[str]"], ...]:
    """Patterns of kinds, tried in this order."""
    return tuple((kind, re.compile(_W + f"(?:{pattern})")) for kind, pattern in patterns.items())  # type: ignore[misc]


WANTS: dict[str, tuple[tuple[Wants, "re.Pattern[str]"], ...]] = {
    "en": _table(
        how_long=r"how long\b|how many (?:days|weeks|months|hours|minutes|years)\b|how much time\b|how soon\b",
        when=r"when\b|(?:at |from |till |until |by |on )?(?:what|which) (?:time|date|day|hours|days)\b|when's\b|"
             r"opening hours",
        how_many=r"how many\b",
        how_much=rf"how (?:much|high|expensive)\b|what(?:'s| is| are| will| would| does| do)\b.*\b(?:{_MONEY_EN})\b",
        where=r"where\b|where's\b|(?:what|which) (?:address|place|office|counter|room|building|floor)\b|"
              r"what is the address",
        who=r"who\b|whom\b|whose\b|who's\b",
        why=r"why\b",
        how=r"how\b|what (?:must|should|do|can) i do\b|what to do\b",
        which=r"which\b|what (?:documents?|papers?|kind|sort|type|proofs?)\b",
        yes_no=r"^(?:(?:and|so|but|or|please|hello|hi|sorry) )*(?:is|are|am|was|were|do|does|did|can|could|may|"
               r"might|must|will|"
               r"would|should|shall|has|have|had|need|isn't|aren't|don't|doesn't|can't|won't)\b(?! (?:tell|say|"
               r"give))",
    ),
    "fr": _table(
        how_long=r"combien de (?:temps|jours|semaines|mois|ann\u00e9es|annees|ans|heures|minutes)\b|"
                 r"quelle dur\u00e9e|quelle est la dur\u00e9e|"
                 r"sous quel d\u00e9lai|quel d\u00e9lai",
        when=r"quand\b|(?:\u00e0 |a |de |vers |jusqu'\u00e0 )?quelles? (?:heures?|dates?|horaires)\b|"
             r"quels? (?:jours?|horaires)\b|"
             r"quels sont les horaires|quelle est la date|jusqu'\u00e0 quand",
        how_many=r"combien (?:de|d')",
        how_much=r"combien\b|quels? (?:est le|sont les)? ?(?:prix|tarifs?|frais|co\u00fbts?|cout|montants?)\b",
        where=r"o\u00f9\b|ou (?:est|sont|se|puis|peut|trouver|dois|faut)\b|quelle (?:est l')?adresse|"
              r"dans quel(?:le)? (?:salle|b\u00e2timent|rue)",
        who=r"qui\b|\u00e0 qui|a qui\b",
        why=r"pourquoi\b",
        how=r"comment\b|que (?:faire|dois-je faire|faut-il faire)\b",
        yes_no=r"^(?:(?:et|mais|bonjour|alors) )*(?:est-ce que|est-ce qu'|est ce que|est ce qu'|(?:y )?[^ ]+-(?:t-)?"
               r"(?:il|elle|on|je|vous|tu|nous|ils|elles)\b|(?:peut|puis|faut|dois|avez|est|sont|a|y a|peux) (?:t )?"
               r"(?:il|elle|on|je|vous|tu|ils|elles)\b)",
        which=r"quel(?:le)?s?\b|lequel|laquelle|lesquel",
    ),
    "hi": _table(
        how_long=r"कितने (?:दिन|दिनों|समय|हफ्ते|हफ़्ते|महीने|घंटे|साल)|कितना (?:समय|वक्त|टाइम)|कितनी देर|"
                 r"kitn[aei] (?:din|dino|samay|time|"
                 r"hafte|mahine|ghante|der|saal)\b",
        when=r"कब|कितने बजे|किस (?:दिन|तारीख|समय)|कौन (?:सी तारीख|से दिन|सा दिन)|kab\b|kitne baje|kis (?:din|"
             r"tarikh|samay|time)\b",
        how_much=r"कितना|कितनी|कितने (?:का|की|के|रुपये|रुपए|पैसे|लगेंगे|लगते)|क्या (?:शुल्क|फीस|फ़ीस|रेट|दाम)|"
                 r"kitn[ai]\b|ketna\b|kitne (?:ka|ki|ke|"
                 r"rupaye|rupay|rupees|paise|lagenge|lagte)\b",
        how_many=r"कितने|kitne\b",
        where=r"कहाँ|कहां|किधर|किस (?:जगह|ऑफिस|कार्यालय)|kah?an?\b|kahaan?\b|kidhar\b",
        which=r"कौन ?(?:सा|सी|से)|कौनसे|किस(?: |$)|क्या[- ]क्या|kaun ?s[aei]\b|kons[aei]\b|kis\b|kya kya\b",
        who=r"कौन|किसे|किसको|किसने|kaun\b|kise\b|kisko\b",
        why=r"क्यों|क्यूँ|kyon\b|kyun?\b",
        how=r"कैसे|कैसी|क्या कर(?:ना|ें|ूँ|ूं)|kaise\b|kese\b|kya kar(?:na|en|ein|oon|u|un)\b",
        yes_no=r"^(?:और )?(?:क्या|kya) (?!.*(?:चाहिए|chahiye|करना|karna)).|.*(?:क्या|kya)$",
    ),
    "ml": _table(
        how_long=r"എത്ര (?:ദിവസ|നാൾ|സമയ|ആഴ്ച|മാസ|മണിക്കൂർ|വർഷ|കാല)|eth?ra (?:divas|naal|samay|azhcha|aazhcha|maas|"
                 r"mas|manikkoor|varsh|days)",
        when=r"എപ്പോ|എത്ര മണി|ഏത് (?:ദിവസ|സമയ|തീയതി)|എന്നാണ്|epp?o|endhu samayam|eth?ra mani|eth?u (?:divas|samay|"
             r"theeyath)|ennaan?u\b",
        how_much=r"എത്ര(?:യാണ്|യാ|യാകും|യാവും)?(?:$| (?:രൂപ|പൈസ|ആണ്|ആകും|ആവും|വരും|അടയ്ക്ക|അടക്ക|കൊടുക്ക|ചെലവ്|"
                 r"ഫീസ്|പണ))|എത്രയാണ്|എത്രയാകും|"
                 r"eth?ra(?:y[a]+n?u?)?(?:$| (?:roopa|rupa|rs|paisa|aan|aakum|akum|varum|adak|kodukk|fee|panam))|"
                 r"eth?ra(?:y?a+nu)\b",
        how_many=r"എത്ര|eth?ra\b",
        where=r"എവിടെ|എവിടു|ഏത് (?:ഓഫീസ|സ്ഥല)|evide|evidunn|eth?u (?:office|sthala)",
        who=r"ആര്(?: |$)|ആരാണ്|ആരെ|ആരുടെ|ആർക്ക|ആരോട്|aar(?:u|aan?u|e|ude|kk.*|odu)\b",
        why=r"എന്തുകൊണ്ട|എന്തിനാ|enth?ukond|enthinaa?n?u?\b",
        how=r"എങ്ങനെ|എങ്ങിനെ|എന്ത് ചെയ്യ|എന്തു ചെയ്യ|engan|engin|enth?u? chey",
        which=r"ഏത്|ഏതാണ്|ഏതൊക്കെ|ഏതു|എന്തൊക്കെ|eth?(?:u|okke|aanu|anu)\b|end?th?okke",
        yes_no=r".*(?:ാമോ|ുമോ|ണോ|ണ്ടോ|ല്ലേ|റ്റുമോ|ട്ടോ)$|.*(?:aamo|amo|umo|ano|aano|undo|alle|ille|pattumo|patto|"
               r"veno)$",
    ),
    "ta": _table(
        how_long=r"(?:எத்தனை|எவ்வளவு) (?:நாள்|நாட்கள்|நேரம்|வாரம்|மாத|காலம்|மணி நேரம்)|(?:eth?th?anai|evv?alavu|"
                 r"evlo) (?:naa?l|neram|vaaram|maasam"
                 r"|matham|maadham|days)",
        when=r"எப்போ|எப்பொழு|எப்ப(?: |$)|எத்தனை மணி|எந்த (?:நாள்|தேதி|நேரம்)|epp?o|eppa\b|eth?th?anai mani|"
             r"endha (?:naal|thedhi|neram)|entha naal",
        how_many=r"எத்தனை|eth?th?anai\b",
        how_much=r"எவ்வளவு|evv?alavu|evv?alo|evlo",
        where=r"எங்கே|எங்கு|எங்க(?: |$)|எந்த (?:அலுவலக|இட)|engey?\b|engu\b|enga\b|end?tha (?:aluvalag|office|idam)",
        who=r"யார்|யாரு|யாரை|யாரிட|yaar|yaru",
        why=r"ஏன்|yaen\b|yen\b|edharku|எதற்கு",
        how=r"எப்படி|என்ன செய்ய|epp?adi|epp?di|enna (?:seiy|seyy|pann)",
        which=r"எந்த|எது|எவை|என்னென்ன|என்ன (?:ஆவண|ஆதார)|end?tha\b|edhu\b|ethu\b|ennenna",
        yes_no=r".*(?:மா|ண்டா|லையா|க்கா|தா|யுமா|லாமா)$|.*(?:uma|unda|illaiya|irukka|laama|lama|dha|mudiyuma)$",
    ),
}  # fmt: skip

LIGHT = frozenset("""
cost costs price fee fees charge charges much high long take takes time need needs pay paid pai open opens
opened close closes closed shut begin begins start starts end ends free get apply appli bring give work happen
valid far big old documents document paper papers deadline cheap expensiv expensive available avail possible
possib late ready readi send show use rupee rupees date hour hours day days week weeks month months money many
cancel_ charg tim pri pric cos hi op coûte coute coût cout coûter prix tarif tarifs frais payer durer dure ouvre
ouvert ouverte ferme fermé commence finit gratuit gratuite trouve trouver trouvent heure heures jour jours temps
obtenir inscrire_ marche passe शुल्क फीस फ़ीस पैसे पैसा रुपये रुपए रुपया खर्च दाम समय दिन दिनों खुलता खुलती
खुलते खुलेगा बंद मिलता लगता लगेंगे देने भरना दस्तावेज़ दस्तावेज कागज बजे बनता बनेगा हैं तारीख वक्त टाइम आता आती
जमा shulk paise paisa rupaye rupay kharcha kharch samay din khulta khulti khulega band lagta dastavez dastavej
kagaz kagaj baje banega banta tarikh ഫീസ് രൂപ രൂപയാണ് പണം പൈസ സമയം ദിവസം ദിവസമാണ് ദിവസമെടുക്കും തുറക്കും
അടയ്ക്കും അടയ്ക്കണം തുറക്കുന്നത് രേഖകൾ ചെലവ് മണി മണിക്ക് മണിക്കാണ് എടുക്കും നൽകണം കൊടുക്കണം roopa rupa roopayanu
panam samayam divasam thurakkum adakkanam rekhakal chelavu mani manikku edukkum kodukkanam rs கட்டணம் ரூபாய்
பணம் காசு செலவு நேரம் நாள் நாட்கள் திறக்கும் மூடும் ஆவணங்கள் தேவை மணி மணிக்கு கட்ட செலுத்த வர எடுக்கும் kattanam
rubai kaasu selavu neram naal naatkal thirakkum moodum aavanangal thevai katta
""".split())  # noqa: SIM905
"""Words that are asked of anything: fees, times, opening. A question with no others has no subject of its own."""


COURTESY = frozenset("""
thank thanks please bye goodbye hello ok okay yes yeah no nope sorry sure fine good great merci bonjour oui non
pardon accord धन्यवाद शुक्रिया हाँ हां ठीक नमस्ते dhanyavaad shukriya haan theek thik namaste നന്നി നന്ദി ശരി
അതെ nanni nandi sheri athe நன்றி சரி ஆமாம் nandri sari aamaam
""".split())  # noqa: SIM905
"""Words that ask nothing: "and thank you" goes on from no question."""


def _openers(sure: str, other: str) -> tuple["re.Pattern[str]", ...]:
    """Beginnings of fragments. After a ``sure`` one anything goes on; after others what stands by itself does not."""
    return (re.compile(rf"(?:(?P<sure>{sure})|(?:{other}))(?=[ ,])[ ,]+", re.IGNORECASE),)


OPENERS = {
    "en": _openers("(?:and |but |so )?(?:what|how) about", "and what if|and also|and|or|also|but what if|only"),
    "fr": _openers("(?:et )?qu'en est-il (?:de|des|du|pour)|(?:et )?(?:quid) (?:de|des|du)", "et si|et|ou bien|"
      r"mais|alors"),
    "hi": _openers("और(?= [^ ]+ (?:का|की) क्या)|aur(?= [^ ]+ k[ai] kya)", "और|तो|लेकिन|aur|toh|to|lekin"),
    "ml": _openers("അപ്പോൾ_", "അപ്പോൾ|അപ്പോ|പിന്നെ|എന്നാൽ|appol|appo|pinne"),
    "ta": _openers("அப்போது_", "அப்போ|அப்ப|அப்படியானால்|appo|appa|apo"),
}
TRAILING = {
    "en": re.compile(r"^(?:for|on|in|at|by|with|without|from|after|before) ", re.IGNORECASE),
    "fr": re.compile(r"^(?:pour|en|avec|sans|apr\u00e8s|avant|chez) ", re.IGNORECASE),
    "hi": re.compile(r"(?:के लिए|ke liye)$"),
    "ml": re.compile(r"(?:\u0d15\u0d4d\u0d15|\u0d34\u0d4d\u0d1a\u0d2f|\u0d28)\u0d4b$|(?:lkko|rkko|ykko|zhchayo)$"),
    "ta": re.compile(r"(?:க்கு|kku)$"),
}
"""Whole questions that are fragments by how they begin or end: "on Sundays?", बच्चों के लिए?, കുട്ടികൾക്കോ?"""

POINTING = {
    "en": re.compile(r"\b(?:it|that|this|they|them|those|these|one)\b"),
    "fr": re.compile(r"(?<![^ ])(?:\u00e7a|ca|cela|c'est|est[- ]ce(?! qu)|il|elle|ils|elles|l'(?=[a-z])|"
      r"les(?= obtenir| payer)|en|-il|-elle)"
                     r"(?![^ ])|-(?:il|elle|ils|elles)\b|(?<![^ ])(?:l'|c')[^ ]+"),
    "hi": re.compile(r"(?<![^ ])(?:यह|ये|वह|वो|इस|उस|इस[^ ]+|उस[^ ]+|इन[^ ]+|yah|yeh|ye|woh|wo|is|us|iska|iski|"
                     r"iske|ise|isme|uska|uski|uske|use)"
                     r"(?![^ ])"),
    "ml": re.compile(r"(?<![^ ])(?:ഇത്|അത്|ഇതിന്|അതിന്|ഇതിന്റെ|അതിന്റെ|ഇതു|അതു|ഇതിന[^ ]*|അതിന[^ ]*|i?th?inu?|athu|"
                     r"athinu?|ithu|ithinu?"
                     r"|athinte|ithinte|ath|ith)(?![^ ])"),
    "ta": re.compile(r"(?<![^ ])(?:இது|அது|இதற்கு|அதற்கு|இதன்|அதன்|இதை|அதை|idhu|adhu|ithu|athu|idharku|adharku|"
                     r"itharku|atharku|idhukku|adhukku)"
                     r"(?![^ ])"),
}  # fmt: skip
