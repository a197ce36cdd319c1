"""Phrase tables of the bike-share demo data: what `bike_share` combines into utterances.

Everything here is synthetic and original, written for this project and under its licence (Apache-2.0).
The service, its stations, streets and phone models are invented.

Notation, one phrase a line:

    (a|b|)      pick one alternative, an empty one included
    {slot}      fill from SLOTS, whose entries may use the same notation
    #           a random digit
    ~ text      a terse fragment, left almost bare
    > text      something the agent should do, in the base form ("refund my ride")
    + text      something the customer wants to do, in the base form ("cancel my plan")
    text?       a question
    text        a statement

Close intents share their vocabulary on purpose, and borrow each other's keywords ("flat battery, not flat
tyre"): a model that only counts words should get part of them wrong.
"""

SLOTS: dict[str, str] = {
    "amount": "£(1|2|3|4|6|8|9|12|15|18|25|40)(|.50|.20|.75|.99)|(three|five|ten|twenty) (pounds|quid)",
    "before": "last time|last week|last month|in {month}",
    "bike": "bike|bike|bike|e-bike|ebike|cycle",
    "bikeno": "bike ####|bike ###|bike no. ####|number ####|E####|the bike (at|by) {place}|this {bike}",
    "card": "card|card|debit card|credit card|bank card",
    "colour": "red|green|navy|grey|yellow|black|purple",
    "day": "yesterday|this morning|last night|{weekday}|last week",
    "days": "three days|four days|a week|ten days|over a week|a fortnight|nearly three weeks|a month",
    "duration": "five minutes|ten minutes|twenty minutes|half an hour|an hour|two hours",
    "fee": "charge|fee|payment|amount",
    "item": "bag|rucksack|umbrella|helmet|purse|wallet|jacket|keys|lunchbox|scarf|laptop|library book",
    "lock": "lock|lock|wheel lock|rear lock",
    "month": "January|February|March|May|June|August|September|November",
    "phone": "Kestrel X2|Orbit 7|Pico Mini|Halden S|Orbit 5",
    "place": "the library|the swimming pool|the market|the hospital|the bakery|the school|the town hall|"
    "the railway station|the supermarket|the chapel|{station}|{street}",
    "ride": "ride|ride|trip|journey|hire",
    "other_station": "Kiln Yard|Almond Grove|Watchmaker's Row|the ferry pier",
    "station": "Lantern Square|Tannery Steps|Pewter Lane|Heron Dock|Foxglove Bridge|Clocktower Green|"
    "Saltmill Quay|Old Ropeworks|Marigold Park|Ninepin Corner",
    "street": "Gosling Street|Pepper Row|Larkspur Avenue|Cooper's Hill Road|Tinker Street|Juniper Way",
    "sub": "subscription|subscription|membership|monthly pass|plan|pass",
    "time": "(7|8|9|10)(am|.15|:30|.45)|(4|5|6)(pm|:20|.40)|half (seven|five)|quarter to (nine|six)|noon",
    "weekday": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    "lately": "today|this morning|yesterday|earlier|{duration} ago|at {time}",
    "when": "today|this morning|yesterday|last night|on {weekday}|earlier|last week|at {time}",
}

OPENERS = """
hi,
hello,
hey,
hi there,
good morning,
evening all,
hello support,
quick question:
um,
ok so
right,
sorry to bother you,
excuse me,
so
urgent:
hey team,
me again,
help,
dear support,
listen,
"""

# Put at the end of a question, inside its question mark.
CLOSERS = """
please
please
by the way
"""

# Said after the point, without adding to it.
TAILS = """
what (now|should I do)?
can (someone|anyone|you) help?
please (advise|help|get back to me).
(not great|not impressed|bit annoying), to be honest.
this is the (second|third) time (this month|this week|it happens).
I'm in a (hurry|rush).
thanks (in advance|for your help|a lot).
let me know.
I (couldn't|can't) find it in the help pages.
my {phone} is up to date, before you ask.
(never|hasn't) happened before.
hope that makes sense.
(I've|have) sent a screenshot too.
you can ring me (after|before) {time}.
kind regards.
I (use|have) the app on my {phone}.
any ideas?
it's getting (dark|late|cold).
"""

# Said before the point; fits any intent.
CONTEXTS = """
I'm (new to this|a first time user|not very good with apps)
I've (been a customer|been with you) (since {month}|for two years|for ages)
I'm (writing|asking) for my (mum|dad|flatmate|son|daughter|neighbour)
I (rang|emailed|messaged) {when} (and nobody answered|but got no reply|without luck)
I've (read|looked through) the help pages
I (updated|reinstalled) the app {when}
I'm only (here|in town) (for the weekend|until {weekday})
I've got a (meeting|train|dentist appointment) at {time}
I normally (walk|take the bus|use {station})
I use this (nearly every day|once in a blue moon|to get to work)
it's (raining|freezing|boiling) and I'm (in a hurry|stuck|cold|tired)
my (friend|colleague|sister) told me to (write|ask) here
I'm (writing from|using) my {phone}
"""

# Said before the point by someone who is, or was, out on a bike.
RIDE_CONTEXTS = """
I'm (at|near|next to|in front of) {place}
I (took|picked up|hired) a {colour} {bike} (from|at) {station} {lately}
I was (on my way|riding|cycling) to {place} {lately}
I've just (got to|arrived at|left) {place}
I rode from {station} to {other_station} {lately}
I (went|cycled) (shopping|to work|home) {lately}
{lately} I was (with my kids|with a friend|alone) (at|near) {place}
I'm (out|here) with (a friend|the kids|my mum) (at|near) {place}
"""

# Earlier trouble with another topic, now over. A key that occurs in an intent's name bars it there.
ASIDES: dict[str, str] = {
    "refund": """
{before} I asked about a refund
the refund I asked about {before} has come
""",
    "subscription": """
{before} I asked about my {sub}
""",
    "lock": """
{before} I had a lock that wouldn't (open|close)
the lock that got stuck {before} is fixed
""",
    "tyre": """
{before} I (had|reported) a flat tyre
""",
    "brake": """
{before} I (had|reported) a bike with bad brakes
""",
    "battery": """
{before} it was an empty battery
""",
    "card": """
{before} I changed my card
""",
    "charge": """
{before} I was charged twice and you sorted it
""",
    "login": """
{before} I couldn't log in
""",
    "reserv": """
{before} I had a (booking|reservation) (for {time}|at {station})
""",
    "parking": """
{before} I asked about parking
""",
    "stolen": """
{before} my bike got stolen
""",
    "station_full": """
{before} the station was full
""",
}

PHRASES: dict[str, str] = {
    # The lock does not open, so the ride cannot start.
    "unlock_failed": """
the {bike} won't (unlock|release|let me have it)
the light goes (green|blue) but the {lock} (stays shut|never opens|doesn't move)
I scanned the code (twice|three times) and the {lock} is still (closed|shut)
the app (thinks|says) (it's open|the ride has started) but I can't pull the {bike} out of the (dock|stand)
why can't I (get|take) this {bike} out of the (rack|dock)?
(scanning|the code) does nothing (at {station}|here|on my {phone})
+ (open|release) the lock on {bikeno}, it (won't click|stays shut)
the (sticker|code) is (scratched|peeling|unreadable) so I can't start a {ride}
> (open|release) {bikeno} (remotely|from your end), nothing moves when I tap start
~ won't open(| at all|, {station})
~ lock (stuck|jammed) shut
~ {bikeno} (not releasing|refuses to open)
it (spins|says connecting) and then tells me to try again, the lock hasn't (moved|budged)
I've tried (three|four|two) bikes at {station} and none of them will (release|open|come out)
my {phone} can't (connect to|find|talk to) the {lock} so the {ride} never starts
I heard the click but the (pin|bar|bolt) doesn't come out and the wheel won't turn
is there a trick to getting these locks (open|to let go)?
I booked {bikeno} and now that I'm here it won't (let me take it|open)
(standing|waiting) next to a locked bike, green light, no movement
my {ride} can't begin, the app (freezes|times out) before the lock opens
I locked it outside {place} for {duration} and now it won't open (again|any more)
what do I do when the dock (keeps hold of|won't let go of) the bike?
payment went through, the lock (never opened|is still shut), I'm (going nowhere|still standing here)
the timer (started|is running) but the bike is (still in the dock|still locked up), can't get it out
the bolt is (stuck|frozen) in and I haven't ridden a metre
I (pay|paid) for a {sub} and can't even get a bike (out|to start)
~ can't get it out
the one next to it let go at once, {bikeno} (doesn't|won't)
how long am I meant to hold the phone over the code? the bolt stays (in|where it is)
it was locked when I came and it's locked now, {duration} of tapping later
I can see it, I've paid for it, I just can't (have|ride) it because it's still chained to the (rack|stand)
nothing to close or return here, I haven't even been able to (begin|set off)
""",
    # The lock does not close, so the bike cannot be left.
    "lock_failed": """
the {lock} won't (close|shut|go in|click)
I can't (secure|lock) the {bike}, the (pin|bolt|bar) sticks (halfway|before the end)
I've (arrived|finished) at {station} but the {lock} (is jammed|stays open|won't move)
how do I (close|shut) it when the lever is (stuck|bent)?
~ won't (close|shut)(| at all|, {station})
~ lock (stuck|jammed) open
~ {bikeno} (not locking|refuses to lock)
the app tells me to close the lock to finish, I do, and it (springs back|pops open) every time
the light stays (red|blue) and the {lock} never clicks
pushing the (lever|slider) down does nothing, it just (bounces|slides) back
I don't want to (leave|walk away from) an open bike at {station} but the lock (won't catch|doesn't hold)
> (lock|shut) {bikeno} (remotely|from your end), nothing moves when I push the lever
it unlocked fine {when} and now it (won't lock|won't go back in)
the cable (won't go into|doesn't reach|falls out of) the (socket|lock)
I've pulled, pushed and wiggled, the bolt won't go (home|in|through the wheel)
is there a trick to getting these locks (shut|to click)?
the dock won't (grab|take|hold) the wheel, the bike (rolls|slides) out again
I can't (end|finish) the {ride} because the lock (won't click|will not shut|is bent)
what do I do with a bike that (can't be|won't be) locked?
there's (sand|dirt|a twig) in the lock and it (only goes halfway|won't move)
the lock on {bikeno} is bent and the two halves don't meet
someone forced the lock, so (nobody can secure it|I can't leave it like this)
can I (just leave it|go), the bolt is (stuck|frozen) out and anyone could ride off?
+ (secure|lock) {bikeno}, the (bolt|pin) doesn't (move|come out) far enough
the timer is running and I can't stop it since the lock (won't shut|keeps opening)
I've (finished|arrived) and can't get the (bike|thing) to stay locked
~ can't get it (in|to lock)
the one next to it shut at once, {bikeno} (doesn't|won't)
how hard am I meant to push? the bolt stays (out|where it is)
it was open when I parked and it's open now, {duration} of pushing later
I've paid, I've parked, I just can't leave because the bike isn't (chained|fastened) to anything
as soon as I let go of the (lever|bolt) the lock opens again
""",
    # The bike is parked and locked, yet the app goes on with the ride.
    "end_ride_problem": """
the {bike} is locked but the app (says|thinks) I'm still riding
my {ride} won't (end|finish|stop)
the lock is shut and the timer's still (running|counting|ticking)
~ still (riding|active) (apparently|it says)
~ timer (won't|doesn't) stop
~ (end|finish) button (dead|greyed out|missing)
I (docked|parked|returned) the bike at {station} {duration} ago and the {ride} is still (open|active|going)
why am I still being timed when the bike is (back in the dock|locked up|in the rack)?
+ (end|finish|close) a {ride} (without the button, it's greyed out|with a dead phone|that the app won't close)
> (end|stop|close) my {ride}, the bike's been locked at {station} since {time}
it says I'm not at a station but I'm (standing right next to it|looking at the sign)
I closed the lock, walked off, and (my phone|the app) is still counting minutes
the app (crashed|froze) when I pressed end, so is my {ride} over or not?
my phone died before I could finish, bike is (locked|parked properly) by {place}
the lock clicked (shut|properly) but the app never (noticed|got the message)
it wants a photo of the parked bike and the camera (won't open|stays black)
no confirmation that I've (finished|returned it), worried I'm still (paying|being charged)
I can't start a new {ride} because the one from {day} is still (in progress|open)
how do I know the {ride} has (ended|stopped)?
the map (puts|has) me in the river so it won't let me (finish|park) at {station}
the bike is locked properly and the app is stuck on finishing
I gave it back, the next (customer|person) is riding it, and it's still on my account
it shows {duration} and climbing although I (parked|locked up) {when}
app won't accept that I've parked (inside the zone|at {station}|in the bay), clock still going
do I have to do something after closing the lock? the minutes (keep|are still) going up
I'm at home, the bike's in the dock, and I'm still (paying|on the clock)
~ {ride} never (ended|finished)
~ bike locked, {ride} still on
(finished|parked) {when}, but according to the app I've been riding ever since
the lock is fine, it's the app that won't let me (stop|finish)
I gave it back (properly|at {station}) and it says (return|hand back) the bike
how can I still be out on {bikeno} when I'm sitting (in a café|at my desk)?
""",
    # A penalty for how or where the bike was left.
    "parking_fine": """
I (got|was sent|have) a parking (fine|penalty|charge) (of {amount}|for {station}) and it's (wrong|unfair)
{amount} for bad parking? the bike was (inside the lines|in the bay|in the rack)
your email says I left the {bike} outside the zone, which (isn't true|I did not)
~ parking (charge|penalty) (wrong|unfair)
~ fined {amount}, why
~ (out of zone|bad parking) {fee}??
+ (appeal|contest|dispute) a (fine|penalty|parking charge)
why was I (fined|charged) {amount} for leaving it (by|next to|behind) {place}?
the map showed the spot as (green|allowed) and you still (fined me|made me pay) for (parking|leaving it) there
someone (moved|knocked over) the bike after I locked it and I got the penalty
> (take off|cancel|remove) the {amount} out of zone (fee|charge), I (parked|ended my ride) in the bay
I had to leave it outside because the station was full and you (charged|fined) me for that
I sent the photo at the end of the {ride}, so why the (penalty|fine)?
do I really have to pay {amount} for being two metres off?
the warning says it was blocking the pavement, I left it where the other bikes were
the {ride} ended normally, then {days} later a {amount} (fine|penalty) turned up
I was (fined|charged) for a no parking area that isn't (marked|signed|on the map)
first time I get it wrong and straight to a (fine|penalty), no warning?
nobody told me {station} was (closed|not allowed) until the (fine|bill) came
there's a {fee} of {amount} because you say I left it in the wrong (place|spot)
your map is out by a whole street and I'm the one paying for (being out of area|the wrong spot)
who decides that a bike is badly parked? mine wasn't and it cost me {amount}
I've been penalised for how I left {bikeno} (on {street}|{when})
{bikeno} was locked at {station} as it should be and now I'm told to pay for collecting it
not paying {amount} for a spot your own app (told|allowed) me to (use|end in)
is {amount} a joke? I left it exactly where I found it
~ {amount} for parking??
I (parked the bike|ended my {ride}) at {station}, and you want {amount} for a zone I wasn't outside of
the bay was full of rubbish bins so I stood it beside them, and that's {amount}?
you (say|claim) it took a van to bring my bike back to a station, and that I have to pay for the van
there's a picture of {bikeno} in your message, but that isn't how I left it
(two days|a week) after a perfectly normal ride you tell me the bike was in the way and I owe {amount}
""",
    # Where and how a bike may be left; nothing has gone wrong yet.
    "parking_rules": """
where (can I|may I|am I allowed to) (park|leave|end my ride with) the {bike}?
can I leave it outside (a station|the zone|the bay|the lines)?
do I have to bring it back to (a station|where I got it|{station})?
is it ok to (park|leave it) (on the pavement|by a lamp post|at {place})?
will I be fined if I (leave|lock) it (by|behind|next to) {place}?
what counts as (bad parking|the wrong spot|out of zone)?
~ parking (zone|bay) or not?
~ where to leave {bike}
~ ok to end at {place}?
+ (park|lock up) for {duration} without ending the {ride}
+ (leave|end with) the bike somewhere without getting a fine
what do the (green|striped|grey) areas on the map mean?
I want to finish at (home|the office|{place}) and don't know if that's allowed
are (car parks|courtyards|stairwells) okay for ending a {ride}?
can it be locked to (railings|a fence|a tree) or only in the rack?
I don't want a penalty, so where exactly should it go?
does the bike have to stand between the (painted|white) lines?
> (send|show) me the places where I (can|may) end a {ride}
is {station} a proper (parking place|spot) or only for staff?
how far from the rack is still (ok|allowed)?
I'm not sure I'm inside the zone on {street}, may I lock it here?
the sign at {station} says no cycles, does that go for (yours|your bikes) too?
can I take it out of the (city|area) and (leave|lock) it there?
if the station is full may I (lock|leave) it next to the (rack|docks)?
do I have to take a photo (when I park|of the parked bike)?
how do I (leave|return) it so that I don't end up (paying|with a fee)?
~ allowed at {place}?
where does the bike go (at the end|when I'm done)?
(leaving|locking) it in front of my {street} flat overnight, yes or no?
can I go into {place} and keep the bike, or does it have to be handed back first?
a friend was charged for leaving hers (by|at) {place}, how do I avoid that?
I'm (about to finish|nearly there), can it stand (anywhere on {street}|next to the docks)?
""",
    # The same thing was billed two times.
    "double_charge": """
I was (charged|billed) twice for (one|the same|my last) {ride}
the same {amount} (has come|came|went) out (of my account |)two times
there are two payments of {amount} from {day} but I only had one {ride}
~ (billed|charged|paid) twice
~ duplicate {fee} {when}
~ same {fee} again
why (are there|do I see) two identical (charges|lines|entries|payments)?
one {ride}, two (receipts|bills|payments)
> (check|look at) my {ride} from {day}, I think I (paid|was billed) for it two times
I paid for my {sub} and it was taken again (the next day|an hour later|on {weekday})
did you take the {sub} {fee} a second time (in {month}|{when})?
I pressed pay once and (got billed|was charged) double
the app said payment failed so I tried again and now both (went|have gone) through
is it normal to see (the same|my) {ride} on my statement two times?
I took one {bike} from {station} and got charged for two at the same minute
my invoice (lists|shows) the {ride} from {station} and then the very same one again
there's a second {fee} for a {ride} I had already paid for
one payment is pending and one went through for the same {ride}, is that right?
I recognise the first {amount}, not the repeat
I paid {when} and the same {fee} has been taken (again|once more)
the deposit came off my card (two times|again) although I've only got one account
it's two of everything on my {card} statement for {month}
am I paying for (somebody else|my neighbour) too? same minute, same {fee}, two lines
you've taken {amount} from the {sub} and {amount} from my card for the one {ride}
my bank (shows|has) the {month} {fee} on the 1st and again on the 2nd
for a single {ride} I can see {amount} on {weekday} and {amount} on the day after
~ paid already, taken again
I (know|understand) what the {amount} is for, but why is it there (again|a second time)?
was the {ride} {when} really (charged|taken) again, or does it only look that way?
first the (pending|reserved) sum, then the real one, and both have left my account
you have billed (me|this card) for {month} already, so what's this new one for {month}?
one of these two payments for the same {ride} shouldn't be there
""",
    # A charge that cannot be explained, but no duplicate and no parking penalty.
    "unexpected_fee": """
there's a {fee} of {amount} I don't (recognise|understand)
what is the {amount} from {day} for?
~ unknown {fee}
~ (random|mystery|extra) {amount} {fee}
~ overcharged {when}
why did one (short|ten minute|quick) {ride} cost me {amount}?
I was (charged|billed) {amount} for a {ride} I (didn't take|never made)
> (explain|tell me) what the {amount} on my (card|statement|bill) is
my {ride} should have been (free|included) with my {sub} but I (was charged|paid) {amount}
you took {amount} and I haven't ridden (since {month}|for weeks|this month)
I paid more than the app (said|showed) before I started
there's a service line on my bill, (what service?|never heard of it)
I only had one {ride} {when} and the total is higher than it should be
I don't understand (this|my) (bill|invoice|receipt), there's an extra {amount}
where does the (extra|other) {amount} come from?
I ended my {sub} in {month} and you've still taken {amount}
I got (charged|billed) for a (booking|reservation) I never made
is the {amount} some kind of deposit? nobody mentioned it
the bill says ninety minutes, I rode for (fifteen|twenty) and parked properly
it was {amount} last time on the same route and now it's (far more|{amount})
I've been charged for a day I was (abroad|ill in bed|at work all day)
not a duplicate, just a {fee} that makes no sense
no idea what this {fee} is, not parking, not a {ride}, not my {sub}
your name is on my {card} statement and I have never (hired a bike|had an account)
why is there an unlock {fee} for a bike that never (opened|moved)?
I know I was only charged once, but that once was (far|much) too much
~ what's this {fee}
~ {amount}?? for what
it said {amount} when I (got off|locked the bike), and the statement says more
what have I (bought|paid for)? {amount} went out {when} and I was nowhere near a bike
I have the {sub} with free unlocking, so what was {amount} for?
two charges {when}, one is my {ride}, but the other?
""",
    # Asks for money back for the first time; the reason is only a detail.
    "refund_request": """
I (want|would like) my money back for (my|the) {ride} {when}
> refund (my last {ride}|the {amount}|the {fee} from {day}), the bike (wouldn't unlock|had no brakes)
> (give me back|return) the {amount} you took {when}
~ refund (please|pls)
~ (money|{amount}) back please
can I get (a refund|my money back) for a bike that (wouldn't unlock|died halfway|had a flat tyre)?
+ (ask for|request|get) a refund for (my|the) {ride} {when}
+ claim (back the|for the) {amount} I paid {when}
the {bike} broke down after (two minutes|one street) and I'd like the {fee} returned
I think I'm owed {amount} for (yesterday|the {ride} {when}|the time I spent waiting)
you charged me twice, so please return (one of them|the second one)
I ended my {sub} two days in, can the rest be paid back?
is it possible to get (the|this) {fee} reversed?
I don't want (credit|a voucher|free minutes), I want the {amount} back on my card
who do I (write|speak|talk) to about being reimbursed for (a {ride}|the {ride} {when})?
how do I (claim|get) back the (fine|penalty) I paid by mistake?
the battery died after half a mile and I shouldn't have to pay for that, so please return it
I paid for a {sub} and never used it, would you pay (it|some of it) back?
it would only be fair to give me back the {amount}
do you (refund|pay back) unused days on a {sub}?
what are my chances of getting {amount} back for a {ride} that never started?
I bought the wrong pass (by accident|by mistake), money back possible?
I expect {amount} back on my {card} for (that|this) (mess|{ride})
could the (parking|unlock) {fee} be (returned|given back)? it was your mistake
the {ride} timer wouldn't stop and I paid {amount} extra, I'd like that back
the second {amount} was never owed and I would like to see it again
~ compensation for {day}
you took the money, I never got the bike, so (hand it back|let me have it back)
(stood|waited) at {station} for {duration} with a bike that was no use, what will you do about the {fee}?
> undo the {fee} from {day}, I never got to ride
> put the {amount} back on my {card}, the brakes didn't work and I walked
can't expect me to pay for a {ride} with a flat tyre, (repay|reimburse) me
""",
    # A refund was asked for or agreed; how far along is it?
    "refund_status": """
where is my (refund|money)?
~ refund (still not here|not arrived)
~ any news (on|about) my money
~ (no money|nothing) (yet|so far)
you (promised|approved|agreed) a refund of {amount} {days} ago and nothing has (arrived|come)
I asked for my money back {days} ago, has it been (processed|sent|looked at)?
how long (does a|will my) refund take to (arrive|reach my card)?
the app says refunded but my bank (shows|has) nothing
> (check|tell me|find out) how far along my refund is
your colleague said {amount} would be back on my card by {weekday} and it's not there
I'm still waiting for the {amount} for the bike that (wouldn't unlock|had no brakes|died halfway)
has my (claim|request|form) been (looked at|approved|accepted) yet?
which card (did the {amount} go|was the {amount} sent) back to? I've since changed mine
+ (track|follow|see the progress of) a refund
I only got (part|half) of it back, is the rest still coming?
no reply to my refund form from {day}
when will the second payment be (back|returned), as you agreed?
did the (payback|reimbursement) for my {ride} go through (in the end|or not)?
it's been {days}, how much longer for my {amount}?
what's happening with (claim|case|request) R####?
should I have had the money by now? you said yes on {weekday}
the pending refund has disappeared from the app, did it go (out|through)?
the fine was cancelled {when} but the {amount} isn't back
you owe me {amount} since {month}, I was told it was (on its way|going out that day)
I ended my {sub} and was told the rest would be paid back, (when|has that happened)?
you said yes, I said thanks, and that was {days} ago
~ refund?? it's been {days}
has the {amount} for the {ride} in {month} (left|gone out of) your bank?
I'd like to know when I can expect the {amount} you (owe me|agreed to)
was my form from {day} ever (read|opened)? I asked for {amount} back
> (let me know|tell me) if the money for the broken bike is (on its way|coming)
the {amount} you put back is on (the wrong|my old) card, or is it? I can't see it
""",
    # Wants other payment details on the account.
    "change_payment_card": """
I've got a new {card} and (need|want) to (use it|put it on my account)
how do I (change|update|replace) the {card} on my account?
+ (change|update|replace) my (payment details|{card})
+ pay (with|from) (a different|another) {card} from now on
~ new {card}
~ (change|different|other) card
> (remove|delete|take off) my old {card}
my {card} (expires|runs out) in {month}, where do I enter the new one?
can I pay (with|from) (a different|another) {card} (from now on|for my {sub})?
the bank sent me a replacement {card}, what do I need to do?
my {card} was stolen so the bank blocked it, how do I put another one on?
I don't want the {sub} taken from this {card} any more, the other one should pay
can I have two cards saved and (choose|pick) for each {ride}?
there's no edit (button|option) next to my {card}
I'd like to pay (by bank transfer|from my phone) instead of (by|with a) card
where in the app are (my|the) payment details?
the app (still shows|has) my old expiry date
my (wife|husband|mum)'s card is on there and it should be mine
I've moved banks so the {sub} has to (come|go out) from somewhere else
I typed the card number wrong when I joined and want to correct it
does (a new|changing the) card affect (my {sub}|payments already under way)?
> (use|charge) the card ending #### and not the one ending ####
it won't let me delete the {card} unless I add another, and I can't see where
before my next payment goes (out|through) it needs to be on another {card}
> put my (work|own|joint) card in place of my (old|private) one
the {fee} should come from (my other account|a different bank) in future
~ old {card} off, new {card} on
will you keep (trying|charging) the expired {card} or can I give you (a new|another) one?
how do I tell the app that my {card} has a new number?
my bank is (closing|ending) the account behind the {card}, so I need to give you another
who do I tell when the bank sends a new {card}?
+ use another {card} for the {sub} than for single rides
""",
    # A payment was tried and did not go through.
    "payment_declined": """
my {card} (was|keeps being|got) (declined|refused|rejected)
the payment (failed|didn't go through|was not accepted)
~ {card} (refused|not accepted)
~ payment error (##|###)
~ can't pay
why (won't|doesn't) the app (accept|take) my {card}?
there's (enough|plenty of) money in my account but the payment (is refused|fails)
I've added my new {card} and it says (not valid|declined|try another)
I can't start a {ride} because of a payment problem
my account is on hold since the last payment (bounced|failed)
the bank says they never (got|saw) a request, the app says refused
+ (pay|settle) my last {ride}, the card is (rejected|not accepted)
> (try|take) the payment again, it (failed|bounced) {when}
it asks me to approve it with my bank and then (times out|fails|goes blank)
the same {card} worked {when} and now it doesn't
do you not take (foreign|prepaid|business) cards?
my {sub} renewal didn't go through although the {card} is (fine|new|in date)
I tried three different cards and (none|not one) was accepted
what does transaction not permitted mean?
I get an error when I (buy|pay for) a {sub}
I owe {amount} in the app and it won't let me pay it
I'm stuck at the last step, there's a red message under the card number
it keeps telling me to use (another|a different) {card}
the bank's happy, the {card}'s in date, and you still can't take {amount} from it
is something wrong on your side? my payment (fails|won't go through) at the last step
I've got a perfectly good {card} here and you don't want it
~ {card} not working
~ {fee} failed again
no idea why, but nothing (gets|goes) through when I press pay
I'd love to pay you the {amount} but the app (says no|turns red)
the {sub} was stopped because you couldn't take the money, there was money
my details are right, I checked them (twice|with the bank), so why is it refused?
""",
    # A tyre has lost its air.
    "report_flat_tyre": """
the (front|back|rear) tyre on {bikeno} is (flat|down|soft)
{bikeno} (at {station}|here) has a (puncture|flat)
~ flat (tyre|wheel)
~ puncture, {bikeno}
~ no air (at the back|in front|in it)
I rode over (glass|a nail|a kerb) and now the (back|front) wheel is (hissing|soft|on the rim)
the {bike} feels (wobbly|spongy|heavy), I think it's gone down
where do I report a (flat|puncture)?
I'm (riding|rolling) on the (metal|rim)
there's a (nail|shard of glass) in the wheel of {bikeno}
it's (losing air|nearly flat|very soft), brakes and lights are fine
> (send someone to|pump up|fix) the (front|rear) wheel of {bikeno}, it's (soft|gone down)
+ (get|swap to) another bike, the (back|front) wheel (has burst|went bang)
something went bang on {street} and now it's (wobbling|down)
can I pump it up myself or does (somebody|one of you) come?
is it safe to ride when the (back|front) wheel is this soft?
the inner tube is (hanging out|poking through)
there's a (big|long) split down the side of the tyre (on|of) {bikeno}
the valve is (bent|missing) and the wheel's (empty|down)
every bump goes straight into my spine, no pressure (at all |)in the back
I (picked up|was given) a bike with a slow puncture
two of the bikes (at|by) {place} have (flat|empty) front wheels
I hit a pothole and the (front|back) wheel went soft (straight away|a minute later)
battery full, brakes good, but there isn't enough air in the (back|front)
the back wheel (flaps|drags) and it's heavy to pedal, looks (flat|empty) to me
it's (like cycling|as if I were cycling) through sand, the back is completely down
~ {bikeno} (needs air|gone down)
a hiss, then it was (on the floor|flat)
I (squeeze|press) the wheel and my thumb goes right in
> bring a pump to {place}, {bikeno} is (low|soft) at the front
can't ride {bikeno} any further, the rubber has come off the (back|front) wheel
stopped, had a look, and the (front|back) wheel has a hole in it
""",
    # The bike does not stop, or not well.
    "report_brake_fault": """
the (front|back|rear) brake on {bikeno} (doesn't work|is broken|doesn't grip)
the {bike} won't (stop|slow down) (properly|downhill|in the wet)
~ brakes (gone|bad)
~ (no|weak) brakes, {bikeno}
~ doesn't stop
~ brake lever (loose|broken)
I (squeeze|pull) the lever and (nothing|hardly anything) happens
the lever goes (all the way|right) to the handlebar
there's a (squeal|grinding noise|screech) from the (front|back) wheel whenever I slow down
where do I report a bike that (can't stop|stops badly)?
I nearly went into (a bus|a wall|someone) because it took forever to stop
the (back|front) wheel rubs, one of the pads (is stuck on|won't let go)
tyres fine, but it takes (ages|half the street) to stop
> (take|get) {bikeno} off the road, it can't (stop|slow down)
+ (swap|hand back) a bike that doesn't (stop|slow down)
the cable to the (front|rear) wheel has snapped, I'm using my feet
is it safe to ride when only the (front|back) one grips?
the pads are (worn|down) to the metal
the left lever is (loose|dangling) and I'm stopping with my feet
the back wheel locks up and skids as soon as I touch the lever
it's heavy to pedal and the wheel hardly turns, pads must be (stuck|touching)
there's (oil|fluid) (dripping from|around) the lever and it feels (soft|spongy)
someone should look at {bikeno} before it hurts anyone, it doesn't slow down when you (want|ask) it to
going down {street} I had almost nothing to slow me
battery full, tyres hard, but (no|hardly any) grip when I (pull|squeeze)
I had to jump off to stop {bikeno}
~ {bikeno} can't stop
it goes very well, it just doesn't (stop|want to slow down)
I press as hard as I can and it (rolls on|keeps going)
front is fine, back does (nothing|nothing at all) when I pull
it stops far too (hard|suddenly), I almost went over the handlebar
red light, both levers pulled, and I still rolled into the crossing
""",
    # No help from the motor, or too much, although there is charge.
    "report_motor_fault": """
the motor on {bikeno} (doesn't work|cuts out|isn't helping)
there's no (assist|help|power) when I pedal although the battery (is full|says 80%)
~ motor (dead|not working)
~ no (assist|boost|help), {bikeno}
~ no power, battery (ok|full)
the {bike} cuts out (going uphill|every few seconds|above walking pace)
there's a (grinding|whining|clicking) noise from the (back wheel|middle|pedals) when the help kicks in
it's heavy to pedal, like (a tank|a tractor), with the charge showing full
why is there no electric help? the display says full
the bike (jerks|surges|jumps) when I start
+ (reset|turn on) the (assist|motor), it shows (an error|error ##)
> (send someone to|get someone to) look at {bikeno}, it doesn't push (at all|any more)
the display is (blank|dark) and nothing pushes, and it was charged to the top
there's a smell of burning from the (hub|back wheel|motor)
it (speeds up|pushes) by itself when I stop pedalling
it keeps (pushing|pulling) after I slow down, almost went into (a wall|someone)
the boost (button|level) doesn't (do anything|respond)
it started fine and the help disappeared halfway, charge still at (60|70) per cent
is it broken or do I have to switch the assist on?
I'm stuck in the lowest (support|help) level
error ## on the (display|handlebar) and no push when I pedal
the back wheel drags as if (the motor|something) were holding it, lever and pads are fine
not a hint of help on the hill (by|on) {street}, still had plenty of (charge|battery)
where do I report a bike whose (assist|power) comes and goes?
battery fine, tyres fine, brakes fine, but it's all (legs|me) and no (push|motor)
it's an e-bike without the e, and yes it is charged
~ {bikeno} (jerks|cuts out)
it goes (too fast|by itself), as soon as I touch the pedal it's off
the battery is full, so why am I (sweating|doing all the work)?
I press the button for more help and it (stays the same|gets less)
the motor and I don't agree, it's on when I coast and off when I climb
there's a rattle from the back and each time the help (stops|is gone) for a second
""",
    # The charge is low or gone, or will it last?
    "battery_low": """
the battery on {bikeno} is (empty|flat|dead)
~ battery (dead|flat)
~ (out of|no) charge
~ (#|1#)% left
~ {bikeno} needs (charging|power)
it (died|went dead) (halfway|in the middle of {street}|on the hill)
the display (shows|says) (one bar|#%) and I've got (miles|half an hour) to go
it said 60% when I took it and now it's (empty|nothing)
+ (charge|recharge|plug in) the bike during a {ride}
can I swap (it|the battery) somewhere (near|at) {place}?
all the bikes at {station} are (out of charge|on red|flat, not one bar between them)
I ran out of (juice|power|charge) (on the hill|miles from home|on {street})
how far (can|will) I get on (one bar|15%|what's left)?
> charge the bikes at {station}, every one of them is (on red|empty)
why do you (rent out|leave out) bikes with (no charge|nothing in them)?
the motor stopped because the charge hit zero
the little light is (red|flashing) and the help has (stopped|gone)
it went from three bars to nothing in {duration}
there's no power left and it's (heavy|hard work) to pedal home
the dock doesn't seem to charge it, still #% after the whole night
lights and assist both went (out|off), I guess it was (empty|low)
what happens to my {ride} if it runs out before I get (there|to {place})?
it won't do the way back on what's left, (two|three|five) per cent
flat battery, not flat tyre, just so we're clear
it switched itself off (on the bridge|near {place}), display dark, it was on one bar
I'm pedalling (this tank|a tractor) on my own since it (hit|got to) zero
~ {bikeno} almost empty
~ battery?? {place}
will it (get me|make it) to {place} on one bar?
it was charged when I unlocked, now there's hardly anything (left|in it)
(every|each) bike I try has less than #% in it
the help fades away and the display asks for a (charger|socket)
""",
    # Ends the subscription for good.
    "cancel_subscription": """
I want to (cancel|end|stop) my {sub}
+ (cancel|end|terminate|get out of) my {sub}
+ leave before the year is up
> (cancel|end|close) my {sub} (from next month|at the end of {month}|today)
~ (cancel|stop|end) {sub}
~ unsubscribe (me|please)
~ no more {sub}
I'm moving (away|abroad) and won't need my {sub} any more
please don't renew my {sub} (in {month}|next time|this year)
where's the button to (stop|end|leave) my {sub}?
I no longer (ride|cycle), so (please close it|that's it for my {sub})
I've bought my own bike, so the {sub} can go
can I (stop|leave) any time or only (once a year|at the end of the month)?
what's the notice (period|I have to give) for my {sub}?
> stop taking {amount} every month, I (don't ride any more|won't be back)
> turn off (auto renewal|the renewal)
I thought about (pausing|a break) but I'd rather end it (for good|altogether)
I took the free trial and don't want to carry on
I'm not happy and I'd like to leave
does my {sub} stop straight away or (run|go on) until the month is over?
I don't need my student (plan|pass|membership) after {month}, finish it then
it keeps renewing by itself and I (don't want it|want out)
this month should be my last one
is there a fee for (ending|leaving) the {sub} early?
I pressed cancel {days} ago and my {sub} still says active
it was good while it lasted, but from {month} I'm (out|gone)
~ (want|need) out
I don't need a break, I need it to (end|be over)
how do I make sure that nothing is taken after {month}, ever?
we have two (plans|memberships) in the house and one of them has to go
> close my {sub}, I hardly (use it|ride)
is {month} too late to get out before the next year starts?
""",
    # Stops the subscription for a while.
    "pause_subscription": """
I want to (pause|freeze|stop) my {sub} (for a while|until {month})
+ (pause|freeze|suspend) my {sub}
+ stop my {sub} (for two months|until I'm back|over the winter)
> put my {sub} on hold (until {month}|from next month)
~ (pause|freeze|hold) {sub}
~ (break|no payments) until {month}
I'm away for (a month|six weeks), can I stop my {sub} until I'm back?
I broke my (leg|wrist|ankle) and can't ride until {month}, but I don't want to lose my {sub}
can I skip (a month|{month}|the next payment)?
I don't want to cancel, just (take a break|a few weeks off)
how long can a {sub} be (on hold|frozen|stopped)?
I won't cycle in winter, can it start again in {month}?
> stop taking {amount} in {month} and carry on as before (after that|in {month})
is there a (holiday|summer) option for my {sub}?
do I still pay while my {sub} is (frozen|on hold)?
I'm moving abroad for (a term|half a year), keep my {sub} but no payments (until|before) {month}
my break ends in {month}, can it be (longer|extended)?
where's the button to (freeze|stop) my {sub} for a (month|bit)?
would I lose my (discount|price) if I stopped for two months and came back?
I'd rather not renew next month but I'll be back in {month}, what's the best way?
I'm having an operation and no cycling for (six|eight) weeks, can my {sub} wait?
cancelling seems drastic, all I need is (eight weeks|a month) off
I'm (ill|in hospital|working from home) and won't need my {sub} for now
I'm back early, can my {sub} start again (now|today)?
does (a|the) pause run until the month is over or start straight away?
it's good and I'll (be back|come back), but not before {month}
~ away until {month}, {sub}?
I don't need it to end, I need it to wait
how do I make sure that nothing is taken in {month}, just that month?
no cycling (on doctor's orders|for me) until {month}, so no payments until then?
> leave my {sub} as it is but take nothing until {month}
is {month} too late to (stop|freeze) it for the summer?
""",
    # Asks what something costs, before paying.
    "pricing_question": """
how much is (a {ride}|an hour|a day pass|the monthly pass)?
what does it cost to (unlock|ride for an hour|have one all day)?
~ your prices?
~ cost (per minute|per hour|for an hour)
~ (student|family) discount?
is the yearly (plan|membership|subscription) cheaper than paying for each {ride}?
what happens after the first (thirty|forty-five) minutes, (do I pay extra|is there another fee)?
> (send|tell) me (the price list|your prices)
+ (see|work out|know) what a {ride} will cost
is there a (discount|cheaper plan) for (students|pensioners|families|nurses)?
what's included in the (monthly|yearly|basic) (plan|membership|subscription)?
is there a deposit, and how much?
are the prices (going up|changing) in {month}?
I'd like to know what I'd pay from {station} to {other_station}
which {sub} is best if I ride (twice a day|only at weekends|now and then)?
do I pay by (the minute|distance|the hour)?
is there a (limit|cap) on what I can be charged (in a day|for one {ride})?
how much would it come to if I kept the bike all {weekday}?
how much is the (fee|charge) for being late?
do I pay while the bike is locked outside (a shop|{place})?
is it (dearer|cheaper) (at night|at weekends|with a {sub})?
before I (sign up|join), what would I pay each month?
a day pass or single rides for three short trips, which costs less?
is unlocking (free|included) with (the|a) {sub}?
does it cost more to (leave it outside a station|take one with a child seat)?
what will you take if I ride for {duration}?
~ {sub}, how much
~ what's the {fee} for {duration}
I (have|take) about ten rides a month, what's the cheapest way to pay?
is (looking|searching) for a bike free or do I pay from the moment I (book|scan) one?
I haven't joined yet, is there (a fee|anything to pay) just to have an account?
does it cost (extra|anything) to (book a bike|have a bike kept for me)?
""",
    # Needs a bike and sees none.
    "find_bike": """
where's the nearest (free |)bike?
there are no bikes (at|near) {place}
~ no bikes(| here| at all)
~ nearest (bike|one)?
~ {station} empty
the app shows three bikes at {station} but the rack is empty
the map says there's one by {place} and I can't (see|find) it
are there any (bikes|left) near {place}?
+ find (a bike|one) with a (child seat|big basket|full battery)
> (tell|show) me where to (get|find) a bike (near|round) {place}
every station (near|around) {place} is empty
when will {station} be (refilled|filled up) again?
why is there never (a bike|anything) at {station} around {time}?
I've walked to three stations and (not one has a bike|they're all empty)
can the bike (ring|flash) so that I can find it?
I need (four|three|two) bikes and there's only one at {station}
{bikeno} isn't where the map says
which station (still |)has (bikes|some left) around {time}?
is there anything (free|left) within walking distance of {place}?
can I see (which|whether any) bikes near me are charged?
I'm late and can't (get|find) a bike, they've all been taken
the dot on the map is (in the river|behind a fence) and there's no bike
plenty of docks, no bikes
will there be any left at {station} (at {time}|on {weekday} morning)?
I'm (looking for|trying to find) something to ride home on from {place}, nothing on the map
everyone seems to have (ridden off|left) with them, {station} has nothing
~ all (gone|taken), {station}
which way do I walk from {place} to get one?
it's {time} and there isn't a single one (left|here)
is {station} (worth going to|empty too)? I need to get home
I can see a lot of free spaces here and that's the trouble
two bikes here but both are broken, where's the next (one|good one)?
""",
    # Has a bike and finds no free dock.
    "station_full": """
{station} is full, where can I (return|leave|take) the {bike}?
there are no (free|empty) (docks|spaces|slots) (at|near) {place}
~ (station|{station}) full
~ no (space|room|docks)(| here)
~ nowhere to (leave|put) it
the app shows (two|three) free spaces at {station} but they're all (taken|broken)
every (rack|station|dock) (near|around) {place} is (full|taken)
+ (return|hand back) a bike with no space (left |)at {station}
> (make|clear) some room at {station}
where's the nearest (free dock|station with space)?
can I get extra minutes because there's nowhere to (leave|dock) it?
I've cycled to three stations and (not one has room|they're all full)
plenty of bikes, no docks
why is there never (any space|a free dock) at {station} around {time}?
the last free dock is (out of order|broken|blocked)
I'm late and can't get rid of the bike, they've (filled|taken) every space
the timer's running and I can't find (an empty slot|a space)
which station (still |)has (room|space) around {time}?
when does someone come and take bikes away from {station}?
I'm going round in circles, do I keep paying until there's (a free space|somewhere to leave it)?
I can't end my {ride} here, twenty other bikes are in the way
is there any room within walking distance of {place}?
there's no dock left, what's the procedure (now|here|for that)?
will there be (room|space) at {station} (at {time}|on {weekday} morning)?
{station} needs emptying, I'm standing here with a bike (and the timer running|again)
everyone seems to have ridden here, {station} has no space left
~ all (full|taken), {station}
which way do I ride from {place} to get rid of it?
it's {time} and there isn't a single one free to put mine in
is {station} (worth going to|full too)? I have to hand this bike in
I can see a lot of bikes here and that's the trouble
two docks left but both are broken, where's the next one?
""",
    # Wants a bike held for later.
    "reserve_bike": """
can I (reserve|book) a {bike} for {time}?
+ (reserve|book) (a bike|two bikes) (for {weekday}|for {time}|at {station})
> (hold|keep) a bike for me at {station} (until {time}|for {duration})
~ (reserve|book) {bike}
~ (booking|bikes) for (two|three|four) on {weekday}
how long will (the bike|it) be (held|kept) for me?
I need (two|four) bikes on {weekday}, can that be arranged (now|in advance)?
where's the (booking|reserve) button?
the app won't let me book (more than one|for {weekday}|at {station})
can somebody keep one at {station}, I'm {duration} away
I'd like to be sure there's a bike at {station} at {time}
I tried to book {bikeno} and it says already taken
what happens to my (booking|reservation) if I'm late?
can you extend my (reservation|booking), I'm stuck (on the train|in a meeting)
can my (booking|reservation) be moved from {time} to (11.30|3pm|ten past two)?
I want {bikeno} before somebody else takes it
> set (one|a bike) aside for me (on {weekday}|at {station}|for {time})
do you take (bookings|reservations) for (the weekend|{weekday}|groups)?
my (reservation|booking) vanished before I got there and I still need the bike
can I (pick|choose) which one I get for {time}?
someone else took the bike I'd (booked|reserved), can I have another?
can my friend have the bike I book (on my account|for {time})?
we're a group of (six|eight) on {weekday} and need a bike each
+ make sure of a bike with a (child seat|big basket) for {weekday}
how far (ahead|in advance) can I (book|reserve)?
I'd like one to be waiting (for me |)at {station} at {time}
~ bike for {time}, {station}
we'll be (three|five) on {weekday}, can you make sure there are enough?
I get off the train at {time}, will you keep {bikeno} until then?
I don't want to find the rack empty on {weekday}, can I have one (promised|for certain)?
it says my {duration} are nearly up, can I hold the bike (a bit longer|for another ten minutes)?
I cancelled by mistake and would like my {time} bike (back|after all)
""",
    # Has a bike held and no longer wants it.
    "cancel_reservation": """
I want to cancel my (booking|reservation) (for {time}|for {weekday}|at {station})
+ (cancel|undo|call off) my (booking|reservation)
> (cancel|drop|delete) the bike (I booked|for {time}|for {weekday})
~ cancel (booking|reservation)
~ don't need the {bike} (any more|now)
my plans have changed and I don't need the bike at {station}
I (booked|reserved) {bikeno} by (accident|mistake)
I reserved the wrong bike, how do I let it go?
will I be charged if I (cancel|don't take) a (booking|reservation)?
I won't make it to {station} by {time}, someone else can have the bike
I (booked|reserved) two bikes and only need one
can I call off the bikes for {weekday}?
the reservation timer is running and I've changed my mind
I got a lift instead so (give my bike to someone else|I won't be taking the bike)
it's pouring so I won't be coming for the bike I'd (reserved|booked)
there's no cancel (button|option) next to my (booking|reservation)
I cancelled {bikeno} and it still shows as (mine|reserved)
how late can I (cancel|change my mind about) a (booking|reservation)?
> stop (holding|keeping) {bikeno} for me
our group {ride} on {weekday} is off, so no bikes needed
does it cost anything not to turn up for a bike (I reserved|held for me)?
> take my name off {bikeno}
my {sub} stays, it's only (the bike for {weekday}|the booking) that isn't needed any more
I meant to book at {station}, not {other_station}, so forget the (first|second) one
> let somebody else have the one you're keeping for me
I won't be there, so (don't hold|free up) {bikeno}
~ not coming at {time}
~ wrong bike booked
we'll be three on {weekday} and not five, so two of the bikes can go
I'm (ill|staying at home) on {weekday}, what do I do with the bike I booked?
I found (another|a better) one on the way, what happens to the one you're keeping?
do I have to do something or does the hold on {bikeno} just run out?
""",
    # A bike was taken by someone.
    "report_stolen_bike": """
the bike I was riding has been (stolen|taken|nicked)
~ bike (stolen|gone)
~ someone took (it|my bike)
~ theft (at|near) {place}
I locked it outside {place} and when I came back it (was gone|had disappeared)
I left it for (two|five) minutes and (somebody|a boy|two people) rode off with it
somebody (forced|cut) the lock and (disappeared|left) with the bike
+ report a (theft|missing bike)
> (block|track) {bikeno}, somebody's just ridden off with it
do I have to (go to the police|pay) when the bike (is|gets) taken?
the bike isn't where I parked it and my {ride} is still running
I was pushed off and they took the bike
what do I do if the bike (vanishes|disappears) during my {ride}?
I've got a crime number for {bikeno}, who (needs|gets) it?
I saw (a man|two people) cutting one of your bikes loose (near|by) {place}
someone is selling one of your bikes (online|at the market)
there's one of your bikes in my neighbour's shed, sprayed {colour}
am I (liable|responsible) when the bike vanishes from where I paused my {ride}?
the app has the bike moving through town without me
only the broken lock was left (at|by) {place}
(two kids|some boys) are taking a bike from {station} without paying
I came out of {place} and (no bike|the bike wasn't there)
it's missing from in front of my (flat|office), I'd locked it (overnight|for {duration})
the thief got the bike and my {item} was in the basket, it's the bike I'm reporting
the police asked for the frame number of the bike that went missing {when}
it was there at noon and (at two|by half past one) it (wasn't|was gone), and it wasn't me who moved it
~ {bikeno} (nicked|missing)
a stranger is riding the bike that's on my account
the lock's on the (ground|pavement), the bike's (not|gone)
they (grabbed|got) it while I was tying my shoe
how do I prove that I didn't keep the bike? somebody took it (from {place}|in front of my eyes)
a man is loading your bikes into a van on {street}
""",
    # A bike was left where it should not be.
    "report_abandoned_bike": """
one of your bikes is (dumped|lying) in the (canal|river|bushes)
there's a bike blocking (my gate|the pavement|our drive|the ramp)(| on {street})
~ bike in (river|hedge|ditch)
~ bike left (on|in) {street}
~ abandoned, {street}
> (collect|pick up|remove) the bike outside my (house|flat|shop), it's been there for {days}
a {colour} bike of yours has been (standing|lying) on {street} for {days}
nobody has moved {bikeno} since {weekday}
who do I tell about bikes left (all over the place|on {street}|in our yard)?
+ report a bike that someone has left (behind the bins|in the hedge|on {street})
three of your bikes are (in a heap|piled up) near {place}
somebody has thrown one (over the fence|off the bridge|into a ditch)
it's parked across the (wheelchair ramp|fire exit), not my {ride}
I'm not a customer but one of your bikes is on its side in front of my (shop|door)
can someone come and take it away? it's been left in our stairwell
I've found a bike without a (wheel|saddle), left against a tree
probably stolen and then dropped, it's in the hedge behind {place}
there's (an open|an unlocked) bike at {place} with nobody around, anyone could take it
it's been left in the middle of the (cycle path|road|pavement) by whoever had it last
our car park isn't your station, please fetch the two that were left here
is anyone going to collect the bike that's rusting by {place}?
I nearly tripped over a bike someone left (on|in) {street}
a bike's been outside number 14 since {month} and nobody (comes|seems to want it)
do you want this one back? it's been in our garden for {days}
the app doesn't show it but there's one of your bikes behind the bins (at|by) {place}
it was there on {weekday} and it's still there, doesn't anybody miss it?
~ {bikeno} still (here|lying here)
a stranger has left one of your bikes in my (garden|porch)
the lock's open, the bike's (on the ground|on its side), nobody about
they (rode|drove) off in a car and left two of your bikes on {street}
how do I get (rid of|someone to fetch) the bike in front of {place}?
somebody's ride ended in my flower bed and the bike's still in it
""",
    # Something was left on a bike, or found on one.
    "lost_item": """
I left my {item} (in the basket|on the bike|on {bikeno})
~ (lost|left|forgot) my {item}
~ {item} in basket
~ lost property?
has anyone (found|handed in) a {colour} {item}?
my {item} was in the basket when I (docked|returned) the bike at {station}
is there a lost property office?
+ (get back|collect) (something|a {item}) I left on a bike
> (check|look in) the basket of {bikeno} for a {colour} {item}
who had the bike after me? my {item} was still on it
the next customer rode off with the bike and my {item}
I think my {item} fell (off|out) between {station} and {other_station}
I forgot to take my {item} when I locked (up|the bike)
can you unlock {bikeno} again, I need to get my {item} out of the basket
I've found (someone's|a) {item} in a basket, where do I take it?
where (can|do) I collect something that was left (behind|in a basket)?
the bike's been taken again already and my {item} with it
what happens to (things|bags) people leave (behind|on bikes)?
my {phone} is still in the phone holder of {bikeno}
I parked at {station} and walked off without my {item}
could the next (rider|customer) be asked about (a|my) {item}?
you said you'd found my {item}, which office has it?
it's not there any more, the {colour} {item} I'd put in the basket
I ended my {ride} at {station} and (noticed|realised) at home that my {item} was missing
it was only a {item} but it's from my grandmother and it (went|left) with the bike
I gave back the bike but not what was in it, I mean I did, that's the trouble
~ {colour} {item}, {bikeno}
the (basket|bike) was full when I parked and I went home with nothing
do you keep what people leave (behind|on bikes)? mine would be a {colour} {item}
I locked up at {station} and went home, the {item} stayed there
who do I ask about a {item} that went missing on one of your bikes?
I came back to {bikeno} for my {item} and someone had (taken|moved) it
""",
    # Cannot get into the account.
    "login_problem": """
I can't (log in|sign in|get into my account)
~ can't (log|get) in
~ locked out
~ no code(| yet|, {phone})
the code (never|doesn't) (arrives|arrive|come)
I forgot my password and the (reset email|link) (doesn't come|won't open)
it says my (number|email) is already (registered|in use)
it says wrong password but (it isn't|I've just changed it)
+ get back into my account with a new (phone|number)
> (reset my password|unlock my account|let me back in)
I've got a new {phone} and the app wants a code from my old number
the app (logs|throws) me out every time I open it
why doesn't the app (recognise|accept|know) my email?
my account is locked after too many tries
I changed phones, now it's the {phone}, and can't open my account
is the app down? it won't let me past the first (screen|page)
it keeps sending me back to the (start|first screen)
> change the phone number on my account, I can't get the code without it
the link in the email (has expired|doesn't open|goes nowhere)
too many attempts, try again later, and that's been going on since {time}
my account (seems to have|has) vanished
I signed up {when} and now it doesn't (know|recognise) me
by the time the code comes it has already (expired|run out)
I can't (cancel anything|end my subscription|see my bookings) because it won't accept my password
the card and my rides are all there, (so my wife says|on the website), only the app won't let me in
it asks for a code and then there isn't (a|any) code
~ {phone}, can't get in
I was thrown out {when} and now it (doesn't|won't) open my account again
is there another way in? the old number is (gone|not mine any more)
I can't start anything, all I get is the page where you put your email
I typed it (right|five times), it says it's wrong
how do I unlock my account after (three|five) wrong tries?
""",
}

# Other topics altogether, and near ones that are still not this service's business.
OUT_OF_SCOPE = """
can I hire a (small car|van) for {weekday}?
is the {time} train to the coast (running|on time)?
will it rain (tomorrow|this afternoon|on {weekday})?
what's the weather like on {weekday}?
~ how are you (today|doing)?
~ are you a (robot|real person)?
~ tell me a joke
~ what's your favourite (film|colour|animal)?
book me a table for (two|four) at {time}
I'd like to order a (pizza|curry) with extra (cheese|chilli)
my electric scooter (won't charge|makes a noise), it's not one of yours
how do I (fix|patch) a puncture on my own road bike?
which oil is best for a (rusty|noisy) bicycle chain?
can you recommend a good (helmet|lock) to buy?
do you sell (used|second hand) bikes?
I want to buy a (folding|racing) bike for my son
where can I park my car near {place}?
my car has a flat tyre on the motorway
my car's brakes are squeaking, what (does|could) that mean?
how much is a taxi to the airport?
the taxi driver charged me twice
I lost my (umbrella|bag) on the number 12 bus
when does the last bus leave {station}?
how much is a (weekly|monthly) bus pass?
my train ticket was refunded but the hotel wasn't
is there a (ferry|tram) from {station}?
how long does it take to walk from {station} to {other_station}?
what time does {place} close?
is the swimming pool open on {weekday}?
can you renew my library (book|card)?
how do I cancel my gym membership?
> pause my film streaming subscription
my bank card was eaten by the cash machine
how do I open a savings account?
what's the exchange rate for the euro?
the washing machine (won't drain|is leaking)
my phone screen is cracked, where can I get it (fixed|repaired)?
my laptop won't (turn on|start) since the update
how do I reset my home router?
I can't log in to my school email
what's the capital of (Peru|Norway|Kenya)?
who invented the bicycle?
how many calories does an hour of cycling burn?
can you plan a (two week|three day) cycling holiday for me?
which (mountain|forest) trails are good for beginners?
what size frame do I need for my (height|daughter)?
~ translate good morning into (Italian|Welsh)
~ write a poem about (the sea|autumn|bicycles)
~ what is 17 times 23?
how do I (boil|poach) an egg?
give me a recipe for (lentil|tomato) soup
how long should I roast a chicken?
my cat hasn't eaten since {day}
how often should I water a (cactus|fern)?
are you hiring (mechanics|drivers) at the moment?
I'd like to apply for a job in your office
can I speak to your press office about (a story|an interview)?
our company would like to advertise on your bikes
who won the match {when}?
what time is kick off on {weekday}?
when is the next public holiday?
> set an alarm for {time}
> remind me to ring my mum at {time}
> play some (quiet|cheerful) music
> turn the lights off in the kitchen
how do I get a new (passport|driving licence)?
when do I have to hand in my tax return?
can you recommend a (dentist|plumber) near {place}?
I need a prescription for my (cough|back)
my knee hurts after cycling, what should I do?
the road on {street} is full of potholes, who fixes that?
the traffic light on {street} is stuck on red
there's a car parked in the cycle lane on {street}
when are the bins collected on {street}?
my parcel hasn't arrived, the tracking number is ########
I'd like to return a pair of shoes
my flight was cancelled and I want compensation
is my suitcase allowed in the cabin?
how much is a (parking permit|garage) for residents?
I got a speeding ticket in my car, can I appeal?
my motorbike was stolen from outside {place}
can I charge my electric car at {station}?
how do I take care of the battery of my own e-bike in winter?
is a scooter faster than a skateboard?
~ what's the meaning of life?
~ I'm bored
~ good night
~ nice weather today, isn't it?
~ happy birthday!
~ wrong chat, sorry
"""
