"""Texts and the English words that their gloss must have, one language and script a table: ``text | words``."""

FRENCH = """
combien coûte l'inscription | how much cost registration
quand est-ce que je reçois ma facture | when bill
où est la gare | where station
je cherche un appart pas cher | flat cheap
il faut bosser combien d'heures | work how hour
j'ai un nouveau boulot | new job
je travaille dans une boîte à Lyon | work company lyon
mes gamins sont malades | child
je n'ai plus un sou | no money
où est passé mon fric | where money
la bouffe est chère | food expensive
ma bagnole est en panne | car not working
je ne pige rien | understand nothing
adhérer au BDE | join student club
vous êtes dispo demain | available tomorrow
un coup dur dans la famille | hardship family
je veux résilier mon abonnement | cancel subscription
à quelle heure ouvrez-vous | time open
le prof est absent | teacher absent
la piscine est fermée le dimanche | swimming pool closed sunday
pas de courant depuis hier soir | yesterday evening
j'ai perdu ma carte bancaire | lost bank card
le loyer de la chambre | rent room
ma demande de bourse | scholarship
le wifi ne marche plus | wifi not work
une attestation de scolarité | certificate
l'eau est coupée | water cut
le chauffage ne fonctionne pas | heating not work
combien de temps dure le stage | how long internship
mon compteur fait du bruit | meter noise
"""

HINDI = """
पानी का बिल कितना है | water bill how much
दफ्तर कब खुलता है | office when open
शिकायत कहाँ करें | complaint where
जन्म प्रमाण पत्र कैसे मिलेगा | birth certificate how get
पेंशन के लिए क्या चाहिए | pension what need
मेरे घर में बिजली नहीं है | house electricity not
बस पास खो गया | bus pass lose
किराया कितना है | rent how much
अस्पताल कहां है | hospital where
बच्चों का टीका कब लगेगा | child vaccine when
राशन कार्ड में नाम जोड़ना है | ration card name
सड़क पर गड्ढा है | road pothole
कूड़ा गाड़ी कब आएगी | garbage truck when come
ब्याज कितना लगेगा | interest how much
नगर पालिका का नंबर | municipality number
दुकान का लाइसेंस | shop licence
स्कूल में दाखिला | school admission
नल से पानी नहीं आ रहा | tap water not come
मकान का टैक्स भरना है | house tax
शादी का पंजीकरण | marriage registration
विधवा पेंशन कितनी मिलती है | widow pension how much get
कौन से दस्तावेज़ चाहिए | which document need
मजदूर कार्ड | worker card
जुर्माना कितना है | fine how much
साढ़े नौ बजे | half past hour
कितने दिन लगेंगे | how long
छुट्टी कब है | holiday when
बुखार की दवा | fever medicine
फोन बदलना है | phone change
पैसे वापस चाहिए | money back need
"""

HINDI_TYPED = """
pani ka bill kitna hai | water bill how much
daftar kab khulta hai | office when open
office khula rehta hai kya | office open live
shikayat kahan karein | complaint where
janm praman patra kaise milega | birth certificate how get
pension ke liye kya chahiye | pension what need
mere ghar mein bijli nahi hai | house electricity not
bus pass kho gaya | bus pass lose
kiraya kitna hai | rent how much
aspatal kahan hai | hospital where
bachchon ka tika kab lagega | child vaccine when
sadak par gaddha hai | road pothole
kuda gadi kab aayegi | when come
byaj kitna lagega | interest how much cost
nagar palika ka number | municipality number
dukan ka license | shop license
school mein dakhila | school admission
nal se paani nahin aa raha | tap water not come
makan ka tax bharna hai | house tax fill
shaadi ka panjikaran | marriage registration
vidhva pension kitni milti hai | widow pension how much get
kaun se dastavez chahiye | which document need
mazdoor card kaise banega | worker card how
jurmana kitna hai | fine how much
kitne din lagenge | how long
chutti kab hai | holiday when
bukhar ki dawa | fever medicine
phone badalna hai | phone change
paise vapas chahiye | money back need
bank se ghar ke liye loan | bank house loan
"""

MALAYALAM = """
വെള്ളത്തിന്റെ ബിൽ എത്ര | water bill how much
ഓഫീസ് എപ്പോൾ തുറക്കും | office when open
പരാതി എവിടെ കൊടുക്കണം | complaint where give
ജനന സർട്ടിഫിക്കറ്റ് എങ്ങനെ കിട്ടും | birth certificate how get
പെൻഷന് എന്തൊക്കെ വേണം | pension what need
വീട്ടിൽ കറന്റ് ഇല്ല | house electricity not
വീടിനാണ് നികുതി | house tax
എത്ര ദിവസമെടുക്കും | how much day take
വാടക എത്രയാണ് | rent how much
ആശുപത്രിയിലേക്ക് ബസ് | hospital bus
കുഞ്ഞിന് വാക്സിൻ | child vaccination
റോഡിലെ കുഴി | road pit
പിഴ അടയ്ക്കണോ | fine pay
പണിക്കു പോകണം | work go
ഭർത്താവില്ലാത്ത സ്ത്രീകൾ | widow woman
കാർഡില്ലാത്ത ആൾ | card without
ചായക്കടയിൽ | tea shop
വീട്ടുകരം അടച്ചു | property tax pay
വെള്ളം വരുന്നില്ല | water not come
രാത്രി ഉറങ്ങാൻ പറ്റുന്നില്ല | night sleep cannot
ഏതു നമ്പറിൽ വിളിക്കണം | which number call
പഞ്ചായത്ത് ഓഫീസിൽ | panchayat office
കല്യാണത്തിന് ഹാൾ | marriage hall
കാശ് തിരിച്ച് കിട്ടുമോ | money get
പാതിരാത്രി ഒച്ച | midnight noise
മോന്റെ സ്കൂൾ | son school
ഫോൺ നഷ്ടപ്പെട്ടു | phone lose
അപേക്ഷയോടൊപ്പം ഫോട്ടോ | application photo
ആരാണ് മെമ്പർ | who member
മഴ പെയ്യുമോ നാളെ | rain tomorrow
"""

MALAYALAM_TYPED = """
vellathinte bill ethra | water bill how much
office eppol thurakkum | office when open
parathi evide kodukkanam | complaint where give
janana certificate engane kittum | birth certificate how get
pension nu enthokke venam | pension what need
veettil current illa | house current not
vadaka ethrayanu | rent how much
aashupathri evideya | hospital where
kunjinu vaccine eppo | child vaccine when
roadile kuzhi | road pit
pizha adakkano | fine pay
panikku pokanam | go
kadayil license veno | shop license need
veettukaram adachu | property tax pay
vellam varunnilla | water not come
rathri urangan pattunnilla | night sleep cannot
ethu numberil vilikkanam | which number call
panchayath officeil | panchayath office
kalyanathinu hall | marriage hall
kaash thirichu kittumo | money get
paathirathri shabdam | midnight
monte school | son school
phone nashtappettu | phone lose
solar panel vekkan | solar panel put
penkuttikalude scholarship | girl scholarship
aare vilikkanam | who call
naale mazha undo | tomorrow rain
property tax adachal | property tax pay
ethra divasam edukkum | how much day take
kuttikalkku bhakshanam | child food
"""

TAMIL = """
தண்ணீர் வரி எவ்வளவு | water tax how much
அலுவலகம் எப்போது திறக்கும் | office when open
புகார் எங்கே கொடுக்கணும் | complaint where give
பிறப்புச் சான்றிதழ் எப்படி கிடைக்கும் | birth certificate how get
ஓய்வூதியம் என்ன வேணும் | pension what need
வீட்டில் கரண்ட் இல்லை | house electricity not
எத்தனை நாள் ஆகும் | how many day
வாடகை எவ்வளவு | rent how much
ஆஸ்பத்திரிக்கு பஸ் | hospital bus
குழந்தைக்கு தடுப்பூசி | child vaccination
ரோட்டில் பள்ளம் | road pit
அபராதம் கட்டணும் | fine pay
குப்பை எடுக்கல | waste not take
வயசானவங்களுக்கு பென்ஷன் | old people pension
தண்ணி வரல | water not come
யாருக்கு போன் பண்ணணும் | who phone do
ரேஷன் கார்டு மாத்தணும் | ration card change
பள்ளியில் சேர்க்கை | school admission
வழங்கப்படும் சான்றிதழ் | give certificate
நிலத்துக்கான வரி | land tax
கல்யாணத்துக்கு மண்டபம் | marriage hall
பணம் திரும்ப கிடைக்குமா | money get
நாளைக்கு மழை வருமா | tomorrow rain come
ஆபீசில் பதிய வேண்டும் | office register need
நர்சிடம் பெயர் | nurse name
எது கடைசி தேதி | which last date
தெருநாய் தொல்லை | dog
கர்ப்பிணிப் பெண் | pregnant woman
கொசு மருந்து | mosquito medicine
கடை உரிமம் | shop licence
"""

TAMIL_TYPED = """
thanni vari evvalavu | water tax how much
aluvalagam eppo thirakkum | office when open
pugar enge kodukkanum | complaint where give
pirappu sandrithazh eppadi kidaikkum | birth certificate how get
pension ku enna venum | pension what need
veettil current illai | house current not
ethana naal aagum | how many day
vaadagai evlo | rent how much
aaspathiri enga irukku | hospital where
kuzhandhaikku thaduppoosi | child vaccination
rottil pallam | pit
abaradham kattanum | fine pay
kuppai edukkala | waste not take
vayasanavangalukku pension | old people pension
thanni varala | water not come
yaarukku phone pannanum | who phone
ration card maathanum | ration card change
palliyil serkkai | school admission
nilathukku vari | land tax
kalyanathukku mandapam | marriage hall
panam thirumba kidaikkuma | money get
naalaikku mazhai varuma | tomorrow rain come
officela pathiya vendum | office need
endha thethi kadaisi | which date last
theru naai thollai | street dog
karpini penn | pregnant woman
kosu marundhu | mosquito medicine
kadai license venuma | shop license need
uniform size maathikkalama | uniform size change
complaint number enna | complaint number what
"""
