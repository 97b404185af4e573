/**
 * The French keywords. Sources of the opt-out words: ARRET, which carriers of the US and Canada require (published by
 * AWS End User Messaging), and STOP, STOP SMS and STOP PUB, which messages in France name. The others are what people
 * write for them.
 */

import type { KeywordPack } from './keyword-pack.ts';
import { list } from './list.ts';

const MESSAGES = list(`
  message, messages, msg, msgs, sms, mms, texto, textos, pub, pubs, publicite, publicites, promo, promos, promotion,
  promotions, mail, mails, email, emails, newsletter, newsletters, notification, notifications, notif, notifs,
  alerte, alertes, spam, spams, offre, offres, sollicitation, sollicitations, demarchage, relance, relances,
  abonnement, communication, communications, envoi, envois, rappels, conneries, harcelement, publicitaires
`);
const UNSUBSCRIBE = list(`
  desabonner, desabonne, desabonnez, desabonnement, desabonnes, desabonnee, desinscrire, desinscris, desinscrivez,
  desinscription, desinscrit, desinscrite, desinscrives, desabo
`);
const ORDERS = list(`
  rdv, rendez, commande, commandes, reservation, reservations, livraison, colis, seance, cours, table, billet,
  billets, visite, consultation, creneau
`);

/** The French pack. */
export const FRENCH = {
  optOut: list(`
    stop, arret, arrete, arretez, arreter, stop sms, stop pub, stop pubs, stop promo, stopsms, stoppub, arret sms,
    arret pub, desabonner, desabonnement, me desabonner, desabonnez moi, stoppez, desabonne moi, desinscrire,
    desinscription, me desinscrire, desinscrivez moi, desinscris moi, resilier, resiliation, annuler, fin,
    se desabonner, se desinscrire, stop tout, stopper, stop mms, stop message, stop messages, je me desabonne,
    je me desinscris, me desinscris
  `),
  help: ['aide'],
  unclear: [],
  answers: ['non'],
  courtesy: list(`
    merci, svp, stp, s il vous plait, sil vous plait, s il te plait, sil te plait, bonjour, bonsoir, salut,
    d avance, beaucoup, cordialement, bien, madame, monsieur, bonne journee, ok, par avance, allo,
    bien cordialement, desole, desolee
  `),
  negations: ['ne pas', 'n', 'jamais', 'pas'],
  stopWords: ['stop', 'stoppez', ...UNSUBSCRIBE],
  frames: list(`
    je dis, j ai dit, je vous ai dit, je vous dis, non, oui, maintenant, tout de suite, encore, immediatement,
    je veux, je voudrais, je souhaite, veuillez, pour la derniere fois, ca suffit, vous devez, il faut, c est bon,
    alors, a tout, tout, merde, putain, une fois pour toutes, non merci, j aimerais, je demande, et
  `),
  pairs: ['des abonner', 'des inscrire', 'des inscription', 'des abonnement'],
  joinable: list(`
    sms, pub, pubs, promo, tout, svp, moi, messages, message, merci, me, les
  `),
  groups: {
    messages: MESSAGES,
    stop: list(`
      stop, stopemoji, stopper, stoppez, stoppe, arret, arrete, arretes, arretez, arreter, arretter, arrettez,
      cesse, cessez, cesser, finissez, halte, marre, assez, fini
    `),
    arreter: list(`
      arrete, arretes, arretez, arreter, arretter, cesse, cessez, cesser, stoppez, stopper
    `),
    unsubscribe: UNSUBSCRIBE,
    send: list(`
      envoyer, envoyez, envoie, envoye, envoies, contacter, contactez, contacte, contactes, ecrire, ecrivez, ecris,
      solliciter, sollicitez, harceler, harcelez, harceles, deranger, derangez, embeter, embetez, spammer, spammez,
      relancer, relancez, importuner, importunez, texter, textez, demarcher, demarchez, inonder, emmerder, adressez,
      adresser, saouler, menvoyer, menvoyez, mecrire, mecrivez, transmettre
    `),
    vouloir: list(`
      veux, veut, voulons, souhaite, souhaitons, souhaiterais, desire, desirons, voudrais, accepte, aimerais,
      demande, consens, autorise, besoin, recois
    `),
    remove: list(`
      retirez, retirer, retire, enlevez, enlever, enleve, supprimez, supprimer, supprime, effacez, effacer, efface,
      rayez, rayer, radiez, radier, otez, oter, sortez, sortir, virez, virer, oubliez, perdez, bloquez, suprimez,
      suprimer
    `),
    number: ['numero', 'num', 'telephone', 'portable', 'coordonnees', 'contact', 'nom', 'donnees', 'tel'],
    list: list(`
      liste, listes, fichier, fichiers, contacts, base, repertoire, diffusion, systeme
    `),
    never: ['plus', 'pas', 'jamais', 'rien', 'aucun', 'aucune'],
    order: ORDERS,
    say: list(`
      envoie, envoyer, envoye, reponds, repondre, repondu, ecris, ecrit, tape, tapez, texte
    `),
    accident: ['erreur', 'accident', 'megarde', 'inadvertance', 'accidentellement'],
  },
  fillers: list(`
    de, d, des, du, le, la, les, l, vos, votre, tes, ta, ton, mes, ma, mon, ces, ce, cette, cet, me, m, moi, nous,
    en, avec, par, a, recevoir, recu, etre, avoir, que, rien, aucun, aucune, autre, autres, tous, toutes, toute,
    tout, vous, svp, sms, genre, type, plus, stp, envoyer, envoyez, un, une, sur, numero, telephone, portable,
    diffusion, putain, publicitaires, message, messages, merde, promotionnels, commerciaux, aussi, base, encore,
    car, merci, contact
  `),
  requests: list(`
    ^ arret|arretez|desabo $, ^ plus rien $, @stop ~ @messages, @arreter ~ @send, @arreter ca|tout|cela $,
    stop a|au|avec|aux|de|d ~ @messages|@send|tout|ca, me|m|nous|ne|n|mecrivez|menvoyez @send ~ plus|jamais,
    ne|n [me|m|nous] @send ~ pas ~ @messages, me|m @send pas|plus ~ @messages, menvoyez|mecrivez plus|pas,
    ^ plus|aucun|pas|zero [aucun] ~ @messages $, ^ plus|aucun [de|d|aucun] ~ @messages,
    @vouloir @never ~ @messages|contacte|contactee|sollicite|sollicitee|relance|derange|derangee,
    @vouloir plus ~ recevoir, @vouloir @never que vous|tu, ne plus ~ @send,
    ne plus ~ recevoir|etre ~ @messages|contacte|sollicite|$, plus recevoir ~ @messages, cesser de recevoir,
    @remove [moi|nous] ~ @list, @remove moi|nous, me|m|nous @remove ~ @list|$, @remove mon|ce|le|notre ~ @number,
    etre retire|retiree|supprime|supprimee|desinscrit|desinscrite|desabonne|desabonnee|efface|enleve|radie,
    retire|retirer|revoque|revoquer|annule|refuse ~ consentement|accord|autorisation, me|m|se|nous|moi @unsubscribe,
    desabonnez|desinscrivez|desabonne|desinscris|desabonner|desinscrire moi|nous,
    resilier|annuler|annulez|resiliez|fin ~ abonnement|inscription|@messages, ^ @unsubscribe,
    demande|veux|voudrais|souhaite ~ @unsubscribe|desabonnement|arret
  `),
  complaints: list(`
    vous|tu n|ne|narretez @arreter|desabonnez pas|jamais|plus, deja|fois … stop|@unsubscribe,
    stop … marche|fonctionne pas, continuez|continuer|continuent a|de, encore|toujours ~ @messages,
    malgre … stop|@unsubscribe|demandes|demande
  `),
  doubts: list(`
    n|ne|narretez|narrete @arreter [surtout|vous|donc|s] pas|jamais|surtout, narretez|narrete,
    n|ne|pas|jamais [surtout|pas] [me|m|vous|te|nous|se] [pas|faire] @unsubscribe|stop, n|ne @unsubscribe|stop pas,
    ne [me] @unsubscribe pas, pas|jamais … arreter ~ @messages|recevoir|abonnement, @accident … @unsubscribe|stop,
    @unsubscribe|stop … @accident, sans [le] vouloir|expres, pourquoi … @unsubscribe|stop,
    que … passe|arrive … stop|@unsubscribe, si je|j … stop|@unsubscribe,
    n|ne [m|me|nous] appelez|appeler|telephonez pas … message|sms|texto|ecrivez|mail
  `),
  returns: list(`
    reinscrire|reinscrivez|reabonner|reabonnez|reactiver|reactivez|reinscription|reabonnement|remettez|rajoutez|remettre,
    a|de nouveau recevoir|inscrire|abonner, continuez|continuer a|de recevoir|envoyer,
    veux encore|toujours|continuer|bien recevoir
  `),
  refusals: list(`
    je ne suis pas madame|monsieur|mr|mme|m, rien a … @messages, sans interet, plus … numero,
    ^ arretez|arrete|arreter|cessez|stoppez|assez|halte|degagez|degage|retirer|supprimer|supprimez|retirez|effacer|desinscrivez|enlevez|enlever|spam|arnaque $,
    laissez|laisse|foutez|fichez|fous|lachez|lache moi|nous|la [en|la] tranquille|tranquilles|paix|grappe,
    foutez|fichez moi|nous, lachez|lache moi|nous, @never interesse|interessee|interesses|interesser|interessent,
    m|me interesse|interessent @never, aucun interet, ca|cela suffit, y|en a|ai marre|assez,
    marre|ras ~ @messages|bol, mauvais|faux|mauvaise numero|num|personne|destinataire,
    erreur de|sur numero|destinataire|personne|correspondant, erreur numero,
    trompez|trompe|trompes|trompent|tromper ~ numero|personne|destinataire|correspondant|$,
    pas le|la|mon bon|bonne numero|personne, plus|pas son|mon|ce numero, numero n est plus|pas|attribue,
    change ~ numero, @never [rien|jamais] demande|inscrit|inscrite|abonne|abonnee|donne|autorise|sollicite ~,
    plus client|cliente|membre|adherent|adherente, qui ~ donne ~ numero, @vouloir @never ~ $,
    @vouloir @never ~ recevoir, n|ne|nous|me [me|m|nous] appelez|appeler|telephonez plus|pas|jamais,
    n|ne|m|me [m|me] @send pas|plus, cnil|rgpd|arnaque|arnaqueurs|harcelement, porter|depose|porte|deposer plainte,
    oppose|opposer|opposition, signaler|signale|bloquer|bloque ~ @number|vous|@messages|spam,
    va|allez ~ chier|foutre|voir, casse|cassez toi|vous, trop ~ @messages, @remove ~ @number, oubliez moi|mon
  `),
  harmless: list(`
    @arreter vous|toi|@order|nous, @arreter de|d *, le|un|du|au|auto|panneau|prochain|faire|en|dernier|feu stop,
    arret de|du bus|tram|travail|train|metro|car|maladie|jeu, stop a *
  `),
  subjects: ORDERS,
  reactions: list(`
    a aime, a adore, n a pas aime, a ri, a ri de, a ri a, a souligne, a mis … evidence, a rigole,
    a mis l accent sur, a accentue, a insiste sur, a remis … question, a questionne, a reagi … a, a,
    s est interroge sur, s est interrogee sur, a supprime … de, a retire … de, a ajoute … a, a deteste, aime, adore,
    j aime, a pose une question sur, a trouve drole, a reagi
  `),
  instructions: list(`
    envoyez|envoyer|repondez|repondre|tapez|ecrivez|texto|envoie [le] [mot] [par] [sms] stop|arret|fin au|pour|a|par [#] [@unsubscribe],
    stop|arret [sms] au|pour # ~ @unsubscribe, stop|arret [sms] au #,
    pour|desabonnement|desinscription|desabonner|plus ~ stop|arret [au] [#]
  `),
} as const satisfies KeywordPack;
