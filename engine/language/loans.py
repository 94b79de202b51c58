"""English words that the languages of India use in their own script. Pure.

Their ends look like case endings ("council" has -il, "pension" -n): a word that sounds like one of these is left whole.
"""

LOANS = frozenset("""
account address admission advance affidavit agency agent amount animal apartment appeal application appointment
april area arrear assistant association atm attendance auction audit august authority auto award balance bank
battery bed benefit bill block board bond book booking bottle box branch bridge broadband budget building bureau
bus business cable call camera camp campus cancel card case cash caste category centre certificate charge cheque
child children circle city civil class clerk clinic club coach code collection collector college colony
commission committee company compensation complaint complex computer concession conductor connection consumer
contact contract contractor control copy corporation correction council counter country course court coupon
credit current customer cyber data date death debit december deed delivery demand department deposit desk diesel
digital director disability disconnection discount district division doctor document domestic door download
driver driving duplicate duty education election electric electrical electricity electrician email emergency
employee employment energy engine engineer enquiry entrance error estate event exam examination excise exit
extension factory family farmer fee fees fever file fine fire flat flight flood food football form forest friday
fuel fund gas gate gender general gift girl government grade grant ground group guarantee guest guide hall
health heater helmet helpdesk helpline hello holiday home hospital hostel hotel hour house hub inch income index
industry infant information inspection inspector installation instalment insurance interest internet interview
invoice job journal july june junction kit lab laboratory labour lake land language laptop late law lawyer leak
leave letter level library licence license light line link list loan local lock lorry lunch machine main
maintenance manager map march mark market marriage master material may mayor meal medal medical medicine meeting
member message meter metro minister ministry minor mission mixer mobile modem monday money month monthly
mortgage motor municipal municipality museum music name nation national net network notary note notice november
number nurse nursery office officer online october open operator order organisation outpatient owner pad page
panchayath panchayat paint pan panel paper parcel parent park parking part pass passport password patient
payment pen penalty pencil pension percent permanent permission permit petition petrol pharmacy phone photo pipe
pipeline pit plan plant plastic plate platform plot plumber plus police policy poll pollution pool portal post
poster post-office power prepaid prescription president press print principal private process production profile
profit project property public pump quality quarter question queue quota quotation rail railway rain ration rate
receipt recharge record recovery reference refund region register registrar registration regular relief renewal
rent repair replacement report request reservation residence resident result return review road roof room route
router rule rupee safe salary sale sanction sanitation saturday schedule scheme scholarship school science
scooter screen seal seat second secretary section security seminar senior september sentence server service
session sewage shelter shift shop signal single site smart society software solar special spot staff stage stall
stamp standard state statement station status stipend stock stop store street student subsidy sunday supervisor
supplement supply support surcharge survey switch system tablet tahsildar tailor tank tanker tap tariff tax taxi
teacher team technician telephone television tender term test theatre ticket time timing title toilet token toll
tour town traffic train training transaction transfer transformer transport treasury treatment trip tuesday
tuition type uniform union university update upload urgent user vaccination vaccine valid van vehicle vendor
verification village visa visit voice voltage voter voucher ward warden warranty waste water website wedding
wednesday weekend welfare wheelchair wifi wire wiring work worker workshop year zone
""".split())  # noqa: SIM905
