"""Small words: those that carry a sentence and say nothing of its subject, in five languages, native and typed in Latin
letters. Search passes over them, and they tell which language a text in Latin letters is in. Pure.

To add a word: put it into the list of its language. A word that is also one of the subject ("kal" is yesterday,
"samayam" is time) does not belong here.
"""

import re
from collections.abc import Sequence

ENGLISH = frozenset("""
again also anything because just something a about am an and any are as at be been but by can could did do does
for from get give had has have he her here him his how i if in into is it its let like may me must my no not of
on or our out please she should so some tell than that the their them then there these they this those to up us
want was we were what when where which who why will with would you your i'm i'd i'll i've don't can't it's
what's where's when's how's isn't doesn't didn't
""".split())  # noqa: SIM905

FRENCH = frozenset("""
a ai ait alors as au aucun aura aurait aussi autre aux avait avec avez avoir avons ayant beaucoup bien bonjour c
ca car ce ceci cela celle celles celui ces cet cette ceux chez ci comme comment d dans de depuis des deux_ dit
dites doit doivent donc dont du elle elles en encore entre es est et etaient etait ete etes etre eu eux fait
faire faites faut font il ils j je l la laquelle le lequel les lesquels leur leurs lors lorsque lui m ma mais me
meme mes moi moins mon n ne ni non nos notre nous on ont ou par parce pas peu peut peuvent peux plus pour
pourrait pouvez pouvoir pourquoi puis puisque puis-je qu quand que quel quelle quelles quels quelque qui quoi s
sa sans se sera serait ses si soit son sont souhaite sous suis sur t ta te tes toi ton toujours tous tout toute
toutes tres tu un une vers veut veux voici voila voir vos votre voudrais vouloir voulez vous y merci combien
est-ce dois dire svp
""".split())  # noqa: SIM905
"""Without accents; what stands before an apostrophe (l', d', qu') is a word of its own."""

HINDI = frozenset("""
का की के को से में मे पर ने है हैं हूँ हूं हो था थी थे हुआ हुई हुए होगा होगी होंगे होता होती होते होना और या भी
ही तो तक कि जो जब तब अब यह ये वह वे वो इस उस इन उन इसका इसकी इसके उसका उसकी उसके इसे उसे इसमें उसमें मैं मैंने
मुझे मेरा मेरी मेरे हम हमें हमारा हमारी हमारे आप आपका आपकी आपके आपको तुम तुम्हारा कृपया क्या क्यों क्यूँ कौन
कौनसा कौनसे किस किसे किसी कोई कुछ कब कहाँ कहां किधर कैसे कैसा कैसी कितना कितनी कितने लिए लिये साथ बारे द्वारा
अपना अपनी अपने कर करे करें करना करने करता करती करते करूँ करूं किया गई गया गये गए जाता जाती जाते जाए जाना जाने दे
दें देना दीजिए बताइए बताएं बताओ बताना बताये सकता सकती सकते सके चाहिए चाहिये चाहता चाहती चाहते रहा रही रहे वाला
वाली वाले नहीं नही न ना मत जी हाँ हां फिर यहाँ यहां वहाँ वहां अगर लेकिन मगर पड़ता पड़ती पड़ेगा पड़ेगी लगता लगती
लगते लगेगा लगेगी लगेंगे मिलता मिलती मिलते मिलेगा मिलेगी मिलेंगे होने एवं तथा सर मैडम ज़रा जरा
""".split())  # noqa: SIM905
HINDI_LATIN = frozenset("""
ka ki ke ko se mein mei mai me main par pe ne hai hain hei h hoon hun hu ho tha thi the hua hui hue hoga hogi
honge hota hoti hote hona aur ya bhi hi to toh tak jo jab tab ab yah yeh ye vah woh wo vo is us in un iska iski
iske uska uski uske ise use isme usme maine mujhe mujhko mera meri mere hum ham hamein hamara hamari hamare aap
aapka aapki aapke aapko apka apki apke apko tum tumhara kripya kripaya kya kyon kyun kyu kaun kaunsa kaunse
konsa kis kise kisi koi kuch kuchh kab kahan kaha kahaan kidhar kaise kese kaisa kaisi kitna kitni kitne ketna
liye lie saath bare baare dwara apna apni apne kar kare karen karein karna karne karta karti karte karu karun
karoon kiya kijiye gai gayi gaya gaye jata jati jate jaye jaana jana jaane jane de den dein dena dijiye bataiye
bataye batao batana bataen sakta sakti sakte sakun chahiye chahie chaiye chahta chahti chahte raha rahi rahe
wala wali wale vala vali vale nahi nahin nahee nai na mat ji haan han phir fir yahan yaha wahan waha vahan agar
lekin magar padta padti padega padegi lagta lagti lagte lagega lagegi lagenge milta milti milte milega milegi
milenge hone evam tatha zara jara kyonki banta banti
""".split())  # noqa: SIM905

MALAYALAM = frozenset("""
ഒരു ഈ ആ ഇത് അത് ഇതു അതു എന്ത് എന്താണ് എന്തു എന്തൊക്കെ എന്തൊക്കെയാണ് എന്തിന് എങ്ങനെ എങ്ങനെയാണ് എങ്ങിനെ എപ്പോൾ
എപ്പോഴാണ് എപ്പോഴ് എപ്പോ എവിടെ എവിടെയാണ് എവിടുന്ന് എവിടെനിന്ന് ആര് ആരാണ് ആരെ ആരുടെ ആർക്ക് ആർക്കാണ് ആർക്കൊക്കെ
എത്ര എത്രയാണ് എത്രയാ ഏത് ഏതാണ് ഏതൊക്കെ ഏതു എന്തുകൊണ്ട് ഞാൻ എന്റെ എനിക്ക് എന്നെ ഞങ്ങൾ ഞങ്ങളുടെ ഞങ്ങൾക്ക് നമ്മൾ
നമ്മുടെ നമുക്ക് നിങ്ങൾ നിങ്ങളുടെ നിങ്ങൾക്ക് അവൻ അവൾ അവർ അവരുടെ അവർക്ക് ആണ് ആണോ അല്ല അല്ലേ ഉണ്ട് ഉണ്ടോ ഇല്ല ഇല്ലേ
ആയി ആയിട്ട് ആയിരിക്കും ആകും ആവും വേണം വേണോ വേണ്ട വേണ്ടി വേണ്ടത് വേണ്ടിവരും എന്ന് എന്നു എന്ന എന്നാൽ എന്നത് കൊണ്ട്
കൂടെ കുറിച്ച് പറ്റി മുതൽ വരെ വഴിയാണ് അല്ലെങ്കിൽ അഥവാ പക്ഷേ പക്ഷെ പിന്നെ ദയവായി പറയൂ പറയാമോ പറയുമോ തരുമോ തരാമോ
അറിയണം അറിയാൻ ചെയ്യണം ചെയ്യാം ചെയ്യാൻ ചെയ്യും ചെയ്യുക ചെയ്യേണ്ടത് കഴിയും കഴിയുമോ പറ്റും പറ്റുമോ സാധിക്കും
സാധിക്കുമോ ഉള്ള ഉള്ളത് മാത്രം തന്നെ കൂടി ഇവിടെ അവിടെ കിട്ടും കിട്ടുമോ കിട്ടാൻ അതിന് അതിന്റെ അതിനു ഇതിന് ഇതിന്റെ
ഇതിനു അതിനുള്ള ഇതിനുള്ള ന്റെ ഇന്റെ നും ഇൽ ഉം ഒക്കെ വരും വരുമോ ആകുന്നു
""".split())  # noqa: SIM905
MALAYALAM_LATIN = frozenset("""
oru ee aa ithu ith athu ath enthu enth enthaa entha enthanu enthaanu endhanu enthokke endhokke enthokkeyanu
enthinu engane enganeyanu engine_ engana engineya enganae eppol eppozha eppozhanu eppozhaanu eppo epol evide
evideyanu evideyaanu evidunnu evidunn evideninnu aaru aaranu aaraanu aarude aarkku aarkokke ethra ethrayanu
ethrayaanu ethraya etra ethranu ethu ethokke ethanu njan njaan nhan ente entey enikku enikk enik enne njangal
njangalude njangalkku nammal nammude namukku ningal ningalude ningalkku avan aval avar avarude avarkku aanu aan
aano aanoo anu ano alla alle undu und undo illa ille aayi aayittu aayirikkum aakum aavum akum venam veno venda
vendi vendath vendathu vendivarum ennu enn enna ennal ennathu kond kondu koode kurichu kurich patti muthal vare
allenkil allengil athava pakshe pinne dayavayi parayu parayoo parayamo parayumo tharumo tharamo ariyanam ariyan
cheyyanam cheyyam cheyyaan cheyyan cheyyum cheyyuka cheyyendath cheyyendathu cheyanam cheyan kazhiyum kazhiyumo
pattum pattumo patto sadhikkum sadhikkumo ulla ullath ullathu mathram thanne thane koodi ivide avide kittum
kittumo kittan kittaan athinu athinte ithinu ithinte athin ithin athinulla ithinulla nte inte inu il um okke
varum varumo ude yude ullil
""".split())  # noqa: SIM905

TAMIL = frozenset("""
ஒரு இந்த அந்த எந்த இது அது எது என்ன எப்படி எப்போது எப்பொழுது எப்ப எங்கே எங்கு எங்க எவ்வளவு எத்தனை ஏன் யார்
யாருக்கு யாரை யாரிடம் எதற்கு நான் என் எனது எனக்கு என்னை நாங்கள் நாம் நமது எங்கள் எங்களுக்கு நீங்கள் உங்கள்
உங்களுக்கு நீ உன் அவர் அவர்கள் அவரது ஆகும் ஆகிறது ஆகுமா ஆக உள்ளது உள்ள உண்டு உண்டா இல்லை இல்லையா இருக்கிறது
இருக்கு இருக்கா இருக்கும் இருக்குமா இருந்து வேண்டும் வேண்டுமா வேணும் வேண்டாம் என்று என்ற என்பது என்றால் மற்றும்
அல்லது ஆனால் பிறகு கூட மட்டும் தான் வரை முதல் பற்றி அதற்கு இதற்கு அதன் இதன் அதை இதை தயவுசெய்து சொல்லுங்கள்
சொல்லவும் கூறுங்கள் செய்ய செய்வது செய்யலாம் முடியும் முடியுமா முடியாது கிடைக்கும் கிடைக்குமா பெற பெறலாம் பெறுவது
இங்கே அங்கே இங்கு அங்கு ஆமாம் உடன் மூலம் கொண்டு போது எல்லாம் ஏதாவது எதாவது என்னென்ன
""".split())  # noqa: SIM905
TAMIL_LATIN = frozenset("""
oru indha intha andha antha endha entha idhu ithu adhu athu edhu ethu enna ena eppadi epadi epdi eppdi eppo
eppodhu eppothu eppozhudhu eppa enge engu enga engey evvalavu evlo evalavu evvalo ethanai ethana yen yaen yaar
yaru yaarukku yarukku yaaridam edharku etharku naan nan en enadhu enakku enaku ennai naangal naam namadhu engal
engalukku neengal neenga ungal unga ungalukku ungaluku nee un avar avargal avanga aagum agum aaguma aaga ulladhu
ullathu ulla undu unda illai illa illaiya irukkiradhu irukku iruku irukka iruka irukkum irukkuma irundhu irunthu
vendum venduma venum venuma vendam endru enru enbadhu endral matrum alladhu allathu aanaal aana piragu kooda
mattum thaan dhaan varai varaikkum varaikum mudhal patri pathi adharku idharku atharku itharku adhukku idhukku
athukku ithukku dhayavu sollunga sollungal sollavum koorungal seiya seyya seivadhu seiyalam pannanum panna
pannalam pannuvadhu mudiyum mudiyuma mudiyathu mudiyadhu kidaikkum kidaikkuma kidaikum kidaikuma pera peralam
ingu angu ange inge aamaam aama moolam kondu ellam edhavadhu ennenna tharuvinga venumna la ku oda kku
""".split())  # noqa: SIM905

NATIVE = {"hi": HINDI, "ml": MALAYALAM, "ta": TAMIL}
LATIN = {"en": ENGLISH, "fr": FRENCH, "hi": HINDI_LATIN, "ml": MALAYALAM_LATIN, "ta": TAMIL_LATIN}
"""By language, for text in Latin letters."""

_AMBIGUOUS = ENGLISH | frozenset("""
main mat are par use den mere honge lie want one is us in un en la ka tum ham hum ab as bare kar pe de ya hi to
me the an ill ash son ton car on or est fait tout sans sous sur bien dire mine pat pan pera man nan ena see nee
and engine
""".split())  # noqa: SIM905
"""Words that more than one language has: they tell nothing of which one it is."""
TELLING = {language: words - (_AMBIGUOUS if language != "en" else frozenset()) for language, words in LATIN.items()}
_SHORTENED = re.compile("(?:n['\u2019]t|['\u2019](?:s|m|re|ll|ve|d))$")
"""Ends of words that English only has: don't, it's. Their letters alone are small words of French."""
_ACCENTS = str.maketrans("àâäáéèêëîïíôöóùûüúçñ", "aaaaeeeeiiiooouuuucn")


def unaccented(word: str) -> str:
    """The word without the accents of French."""
    return word if word.isascii() else word.translate(_ACCENTS).replace("œ", "oe").replace("æ", "ae")


def latin_language(words: Sequence[str], hint: str = "") -> str:
    """Which of the five languages words in Latin letters (lower case) are in, by their small words; English if they do
    not say. ``hint``: the language that the text is said to be in, believed unless English words say otherwise."""
    short = sum(_SHORTENED.search(word) is not None for word in words)
    plain = [part for word in words for part in re.split("['\u2019-]", _SHORTENED.sub("", unaccented(word))) if part]
    hits = {language: sum(word in small for word in plain) for language, small in TELLING.items()}
    english = hits.pop("en") + short
    if not english and any(word != bare for word, bare in zip(words, map(unaccented, words), strict=True)):
        hits["fr"] += 1
    if hint in hits:
        hits[hint] += 1
    best = max(hits, key=lambda language: hits[language])
    return best if hits[best] and 2 * hits[best] >= english else "en"


def is_small(word: str, language: str) -> bool:
    """Whether the word (lower case) is a small one. ``language``: that of the text, for words in Latin letters; small
    words of English are small everywhere but in French."""
    if word.isascii() or not any(0x900 <= ord(char) < 0xE00 for char in word):
        word = unaccented(word)
        if language == "fr":
            return word in FRENCH or all(part in FRENCH for part in re.split("['\u2019]", word) if part)
        return word in ENGLISH or word in LATIN.get(language, ())
    return any(word in small for small in NATIVE.values())
