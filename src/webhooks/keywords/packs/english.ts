/**
 * The English keywords.
 *
 * Sources of the opt-out words: the provider's list (STOP, END, QUIT, CANCEL, UNSUBSCRIBE); 47 CFR 64.1200(a)(10), which
 * adds REVOKE and OPT OUT; and the list that carriers of the US and Canada require, as published by AWS End User
 * Messaging, which adds TD.
 */

import type { KeywordPack } from './keyword-pack.ts';
import { list } from './list.ts';

const MESSAGES = list(`
  text, texts, txt, txts, texting, txting, txtn, textin, message, messages, messaging, msg, msgs, msging, sms, mms,
  spam, spamming, promo, promos, promotion, promotions, promotional, promotionals, marketing, ad, ads, advert,
  adverts, advertising, advertisements, alert, alerts, notification, notifications, notifs, newsletter, newsletters,
  mailing, mailings, subscription, subscriptions, solicitation, solicitations, soliciting, emails, emailing,
  contact, contacting, communication, communications, blast, blasts, campaigns, reminders, updates, offers, junk,
  ping, pinging, correspondence
`);
const ABUSE = list(`
  crap, shit, bs, bullshit, garbage, nonsense, madness, trash, harassment, stuff
`);
const STOPPED = list(`
  stop, stp, stopemoji, quit, cease, discontinue, halt, stopping, stopp, stahp
`);
const UNSUBSCRIBE = list(`
  unsubscribe, unsub, optout, unsubscribing, optingout, unenroll, unregister
`);
const UNSUBSCRIBED = ['unsubscribed', 'optedout', 'unsubbed'];
const NEGATIONS = list(`
  dont, donot, never, not, didnt, didnot, wont, willnot, cant, cannot, wouldnt, doesnt, shouldnt, couldnt, without,
  isnt, wasnt, havent, aint
`);
const ORDERS = list(`
  appointment, appointments, appt, appts, order, orders, reservation, reservations, booking, bookings, meeting,
  delivery, pickup, table, room, flight, ride, trip, ticket, tickets, class, session, visit, reschedule, rebook,
  rescheduling, slot, lesson, shift, interview
`);

/** The English pack. */
export const ENGLISH = {
  optOut: list(`
    stop, stopall, stop all, end, quit, cancel, unsubscribe, unsubscribe me, unsub, unscribe, revoke,
    revoke consent, opt out, opt me out, optout, td, stop sms, stop texts, stop text, stop texting, stop messages,
    stop messaging, end all, cancel all, quit all, unsubscribe all, stop now, stop it, stop this, text stop,
    reply stop, sms stop, stop everything, unsuscribe
  `),
  help: ['help', 'info', 'help me', 'information'],
  unclear: [],
  answers: ['no', 'nope', 'nah'],
  courtesy: list(`
    please, pls, plz, plez, plss, kindly, thanks, thank you, thank u, thankyou, thx, thnx, tks, ty, tyvm, tia,
    so much, very much, ok, okay, hi, hello, hey, the word, sorry, cheers, regards, good morning, good afternoon,
    good evening, hi there, hello there, lol, sir, maam, folks, guys, dear, god bless, bye, immediately, asap
  `),
  negations: NEGATIONS,
  stopWords: [
    'stop',
    'stp',
    'stopp',
    'stahp',
    'stopall',
    ...UNSUBSCRIBE,
    ...UNSUBSCRIBED,
    'unscribe',
    'unsuscribe',
  ],
  frames: list(`
    just, now, right now, no, nope, yes, yeah, and, again, already, i said, i say, all, i told you to,
    i asked you to, how many times do i have to say, for the last time, last time, i want to, i would like to,
    id like to, i want you to, i would like you to, id like you to, me, you need to, you must, you have to, can you,
    could you, would you, will you, i wish to, im asking you to, i need you to, i need this to, i want this to,
    respectfully, seriously, omg, fuck you, fuck off, fucking, f u, fu, wtf, damn, damn it, dammit, assholes,
    asshole, bitch, dude, bro, man, today, forever, period, this instant, at once, for good, too, thats enough,
    enough, oh, ugh, nomore
  `),
  pairs: list(`
    opt out, opting out, opted out, opts out, do not, did not, will not, un subscribe, un subscribed, un sub,
    sign up, signed up, can not, no longer, no more
  `),
  joinable: list(`
    me, it, now, all, 2, to, please, pls, plz, text, texts, texting, txt, this, sms, msg, msgs, messages, messaging,
    promo, promos, my, number, from, list, remove, the, thanks, spam, ads, marketing, subscription, opt, out, take,
    off, delete, unsubscribed
  `),
  groups: {
    messages: MESSAGES,
    trouble: ABUSE,
    stop: STOPPED,
    unsubscribe: UNSUBSCRIBE,
    unsubscribed: UNSUBSCRIBED,
    not: NEGATIONS,
    dont: ['dont', 'donot', 'dnt', 'never', 'not', 'nolonger'],
    write: list(`
      text, txt, message, msg, contact, email, write, solicit, spam, harass, bother, disturb, ping, sms
    `),
    want: list(`
      want, wanna, wish, need, like, care, consent, agree, authorize, desire, appreciate
    `),
    say: list(`
      say, said, text, texted, reply, replied, send, sent, type, typed, hit, press, pressed, write, wrote, put,
      answer, answered, clicked, tapped
    `),
    accident: list(`
      accident, accidentally, accidently, mistake, mistakenly, oops, unintentionally, inadvertently, error
    `),
    we: list(`
      we, lets, us, he, she, they, someone, somebody, who, people, congress, government, police, bus, train, driver,
      it, ill, gonna, helped, help, voters
    `),
    order: ORDERS,
    mine: ['my', 'this', 'our', 'that', 'the'],
    number: list(`
      number, numbers, phone, cell, cellphone, mobile, name, contact, info, information, data, details, num, line,
      no
    `),
    list: list(`
      list, lists, database, system, mailing, contacts, texts, messages, records, campaign, rolodex
    `),
    remove: list(`
      remove, removed, removing, delete, deleted, deleting, erase, drop, scratch, strike, take, taken, taking, get,
      pull, unlist, lose, forget, block, rmv, rm, remv, cancel
    `),
    interest: ['interested', 'receive', 'subscribe'],
    keyword: ['stop', 'end', 'quit', 'cancel', 'unsubscribe', 'optout', 'stopall', 'stop2end', 'unsub'],
    purpose: list(`
      stop, end, quit, cancel, unsubscribe, optout, unsub, stopping, leave, no, not, be, remove
    `),
  },
  fillers: list(`
    me, us, my, our, the, these, those, this, that, all, any, your, ur, you, every, to, from, of, more, sending,
    sendin, send, receive, receiving, recieve, recieving, getting, get, gettin, hear, be, being, been, with,
    fucking, fuckin, fkn, damn, damned, bloody, stupid, freaking, dang, goddamn, future, further, unwanted,
    unsolicited, daily, political, automated, automatic, annoying, random, such, so, many, other, on, in, over, via,
    through, by, for, please, pls, plz, kind, type, anymore, just, campaign, sale, sales, phone, cell, ever, again,
    text, sms, message, marketing, promotional, spam, weekly, constant, same, and, even, number, email, or, it,
    ridiculous, up, out, off, blowing
  `),
  requests: list(`
    opt|opting me|us|this|my [number] out, cancel me|us $, @stop ~ @messages|@trouble,
    @stop ~ sending|contacting|bothering|spamming|harassing|bugging|messaging|calling|annoying|soliciting|pestering,
    @stop blowing up, @stop *ing … me|us|phone|number|family,
    @stop this|that|it|these|those|them|all|everything|already|immediately|forever [right] [now] $,
    @stop [all|any] communication|contact|subscription|service,
    ^ end|cancel|terminate|disable|deactivate ~ @messages, to|please|you end|cancel|terminate ~ @messages,
    turn|shut|switch off ~ @messages, put a|an stop|end to ~ @messages|this|these|it,
    @dont [ever|you|u|even|dare|please] @write,
    @dont [ever|you|u|even|please] send ~ @messages|@trouble|anything|nothing|any|anymore|these|this,
    @not|nolonger ~ @want ~ @messages|contacted|texted|messaged|called|bothered|disturbed|solicited|spammed|part|subscribed|list,
    @not|nolonger ~ @want ~ hear from, @not|nolonger ~ receive|receiving ~ @messages $,
    nolonger ~ receive|get ~ @messages, want|wanna|need no|nomore|zero ~ @messages,
    ^ nomore|zero ~ @messages|contact|from, nomore ~ @messages [please|thanks] $, ^ no ~ @messages $,
    revoke|revoking|revoked|withdraw|withdrawing|rescind|remove|cancel ~ consent|permission|authorization|authorisation,
    @not consent|consented|authorize|authorise|agree ~ @messages,
    remove|delete|erase|unlist|unenroll|rm|rmv|remv|unsubscribe|optout|unsub|unregister me|us|myself,
    @remove ~ @mine ~ @number ~ from|off|out,
    remove|delete|lose|forget|drop|scratch|erase|rmv @mine|@mine ~ @number, @remove ~ from|off|out [of] ~ @list,
    @remove me|us|number|phone|name|this off, take|get me|us out of ~ @list|here|this,
    want|wish|like|ask|asked|asking|need|please to be|get removed|deleted|taken|unsubscribed|optedout,
    want|wish|like|need off|out [of] ~ @list|this, removed|unsubscribe|unsubscribed me, ^ @unsubscribe,
    to|please|can|you|me|and|must|do|just|i @unsubscribe, stop to @unsubscribe|end|cancel|quit|stop
  `),
  complaints: list(`
    dont|donot|never|not call|phone|ring or|nor|and text|txt|message|msg|email,
    you|u|yall|texts|messages wont|willnot|dont|donot|never|didnt|doesnt|havent [ever|even] stop|stopped|stopping|unsubscribed|removed,
    they|it|this wont|willnot|dont|donot|never|didnt|doesnt [ever|even] stop|stopped [@write] $,
    wont|willnot|dont|cant|havent|didnt|donot you [ever|just] stop|stopped|quit|unsubscribe|remove|honor,
    stop|unsubscribe|optout|stopping … doesnt|didnt|not|isnt|wont work|working|respected|honored,
    already|repeatedly|times … stop|@unsubscribe|@unsubscribed,
    have|ive|had @say|told|asked|unsubscribed|optedout … stop|@unsubscribe|@unsubscribed|times,
    you|u keep|kept sending|texting|messaging|txting|contacting, still getting|receiving|sending|texting|messaging,
    did|do|didnt|do [you] [not] get|see|receive|understand|hear … stop, if you|u … again
  `),
  doubts: list(`
    @not [ever|even|really|actually|just|please|you] [want|wanna|wish|mean|meant|meaning|intend|intending|plan|planning|need|needing|try|trying|going|gonna|wanting|asking|ask|asked|say|said|have] [me|you] [to|the] [be|get|have|ever] stop|stopping|stopped|quit|cancel|end|remove|@unsubscribe|@unsubscribed,
    not|never|rather to stop|@unsubscribe, no need|reason to stop|@unsubscribe,
    @accident … @unsubscribed|stopped|canceled|cancelled|removed,
    @accident … @say … stop|@unsubscribe|end|quit|cancel, @say … stop|@unsubscribe|end|quit|cancel … @accident,
    @unsubscribed|stopped|removed … @accident, stop|@unsubscribe was|is a|an @accident,
    why|how did|was|am|were|are|have|has|is i|we|you|my|the|it|this|that … stop|stopped|@unsubscribe|@unsubscribed|removed|stopping,
    did|have|has|am|was|were|are|is you|i|we|my|it|that|this|your|the|u [get|got|been|just|really|ever] stop|stopped|@unsubscribed|stopping|@unsubscribe|removed,
    does|do|will|would|is|can stop|unsubscribe|optout|unsubscribing|replying|texting|saying … work|mean|stop|cancel|remove|unsubscribe|affect|end|for|also|just|only|enough|the,
    what|how … happens|happen|does|do if|when|stop|unsubscribe|optout,
    if|when|should|would|unless|before i|we [do|ever|dont|have] [to] @say … stop|@unsubscribe,
    if|when|unless|before i|we [do|ever|dont|have] [to] stop|@unsubscribe|quit|cancel,
    dont|donot|never [ever] call|phone|ring … text|txt|message|msg|email|sms,
    i|we dont|donot|never text|message|email|txt, dont|donot [ever|you] text|txt and|while drive|driving,
    without stopping, @stop making me|us laugh|hungry|blush|cry|smile|jealous
  `),
  returns: list(`
    add|put|sign|signed|get|opt me|us|my back|up|again|in,
    resubscribe|resubscribed|rejoin|undo|reinstate|reactivate, subscribe|join|start … again|back,
    start @stop|sending|texting|getting|receiving, keep|continue getting|receiving|sending|texting|them|it|me,
    still want|like|wish, turn|switch … back on, back on ~ list|texts|messages
  `),
  refusals: list(`
    ^ dont|donot want $, nolonger … number|phone|here, not|doesnt|dont live|lives here, passed away,
    is|has deceased|died, this is a|my business|work|landline|private|personal number|line|phone,
    ^ stfu|gtfo|junk|blocked|blocking $, ^ end this|it|these $, turn|shut this|it|these off,
    ^ remove|exit|cease|desist|delete|terminate|halt|discontinue|enough|nomore|unlist|spam|scam|deactivate|rmv $,
    cease [and] [desist], desist, lose|forget this|my $,
    leave me|us|my|this [family|number|phone] [the] [fuck|hell] alone|be, ^ go away,
    fuck|fk|piss|bugger|buzz|f|eff off, ^ [please] get lost, knock|cut it off|out,
    enough with|of ~ @messages|@trouble|already|is, had enough, tired|sick of ~ @messages|@trouble|this,
    hate ~ @messages, too many ~ @messages, wrong number|person|guy|num|phone|man|woman|contact|numbr|nmbr|numb|#,
    not|isnt|arent the right number|person|one, not|isnt his|her|their|my number|phone [anymore],
    nolonger|not has|have|use|using|own this|that number|phone,
    doesnt|dont|nolonger|not have|has|own|use this|that number|phone [anymore],
    who|how gave|give|did|got|get you|u ~ number, how|where did|do you get|have my|this number,
    nobody|noone|one … by|of|with that name, not|nolonger|un interested, uninterested,
    @dont [ever|you|even|please] call|phone|ring me|us|here|this|again|anymore|my|$,
    @dont [ever|you|even|please] send me|us,
    @dont|never|didnt|not [ever|even] signup|signedup|subscribe|subscribed|enroll|enrolled|optin|opted,
    @dont|never|didnt|not [ever|even] ask|asked|agree|agreed|consent|consented|request|requested … this|these|texts|messages|that|be|you|your|receive,
    @dont|never|didnt|not [ever|even] give|gave ~ number|permission|consent,
    @not|nolonger ~ want|wish|wanna to|be|this|these|it|anything|part|in|any $,
    @not|nolonger [want|wish|wanna|like] to be|get|hear|receive,
    report|reported|reporting|report ~ spam|you|fcc|ftc|scam|number|harassment,
    blocked|blocking you|u|this|number|your, block me|you,
    is|are|as [a] spam|scam|harassment|harassing|unsolicited|annoying, unsolicited|unwanted ~ @messages,
    fcc|ftc|tcpa|lawsuit, will|gonna|ill|going [to] sue|block|report you|u|this|your|$, sue you|u|your,
    legal action, not call list|registry, want|wants off|out, take|get me off, off ~ list,
    withdraw|revoke ~ number|subscription|membership, delete|remove ~ number
  `),
  harmless: list(`
    bus|train|tram|metro|subway|rest|pit|truck|gas|next|last|first|full|one|non|short|hard|dead|final|whistle|door|traffic|back|lunch|quick|coffee|each|another|which|what|wich|tour|a|your|his|her|our|the|my|every|shuttle|ferry|this stop|stops,
    had|have|need|gotta|going [to] stop for,
    stop for gas|fuel|lunch|coffee|dinner|breakfast|food|groceries|a|an|the|some,
    stop by|at|in|over|off|near|there|sign|signs|light|lights|watch|street|where|along|outside|gap|loss|motion|order|lists|button|when|until|till,
    stop and get|grab|pick|see|think|visit|buy|look|talk|smell|eat|ask|check|drop|wait|rest|have,
    stop|stopping *ing, stop the|a|an|his|her|our|my|their|that|this|these|those *,
    @we [all|can|must|should|will|to|would|could|have|has|got|gotta|need|needs|really|gonna|do|does|is|are|going] [all|can|must|should|to|really|have|got] [to|all] stop *,
    i|we|and will|can|could|would|might|may|should|must|had|have|need|needed [to] stop for|to|*ing|by|at,
    does|do|did|will|would|can|could|should the|this|that|it|he|she|they|his|her|my|your|our|a … stop,
    out of debt|office|town|stock|work|order|school|gas|here|the|control|milk, wrong number of,
    gave|entered|put|typed|wrote [you|u] [the|a] wrong number, not interested in the|that|a *,
    stop motion|loss|watch|words
  `),
  subjects: ORDERS,
  reactions: list(`
    liked, loved, disliked, laughed at, emphasized, emphasised, questioned, reacted … to, to, removed … from,
    reacted, added … to, replied to, hearted, thumbs up to
  `),
  instructions: list(`
    reply|text|txt|send|answer|respond|type|use [back|with|us|the] [word] @keyword to|2|for|and|if|or ~ @purpose [receive|get] [@messages|out|all|me] [@messages],
    @keyword to|2 ~ @purpose [receive|get] [@messages|out|all|me] [@messages]
  `),
} as const satisfies KeywordPack;
