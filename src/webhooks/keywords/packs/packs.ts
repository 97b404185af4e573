/**
 * The keywords of each language. They are written as `keywords/keywords.ts` compares them: in lower case, without accents, with
 * one space between words.
 *
 * Sources of the English opt-out words: the provider's list (STOP, END, QUIT, CANCEL, UNSUBSCRIBE) and
 * 47 CFR 64.1200(a)(10), which adds REVOKE and OPT OUT.
 */

/** The keywords of one language. They are compared without regard to case, accents and punctuation. */
export interface KeywordPack {
  /** Whole messages that opt out. */
  readonly optOut?: readonly string[] | undefined;
  /** Whole messages that ask for help. */
  readonly help?: readonly string[] | undefined;
  /** Phrases that probably ask for no more messages, anywhere in a message. */
  readonly unclear?: readonly string[] | undefined;
  /** Whole messages that are most often answers to a question. They are reported as unclear and never block. */
  readonly answers?: readonly string[] | undefined;
  /** Words of courtesy before or after a keyword, such as `please`. They are ignored. */
  readonly courtesy?: readonly string[] | undefined;
  /** Words that reverse the meaning of an unclear phrase after them, such as `dont`. */
  readonly negations?: readonly string[] | undefined;
}

/** The packs that are included. */
export const KEYWORD_PACKS = {
  en: {
    optOut: [
      ...['stop', 'stopall', 'stop all', 'end', 'quit', 'cancel', 'unsubscribe', 'unsubscribe me', 'unsub'],
      ...['revoke', 'revoke consent', 'opt out', 'optout', 'opt me out', 'stop sms', 'stop texts'],
      ...[
        'stop text',
        'stop texting',
        'stop messages',
        'stop messaging',
        'end all',
        'cancel all',
        'quit all',
      ],
      ...['unsubscribe all', 'stop now', 'stop it', 'stop this', 'text stop', 'reply stop', 'sms stop'],
    ],
    help: ['help', 'info', 'help me', 'information'],
    unclear: [
      ...[
        'remove',
        'remove me',
        'exit',
        'cease and desist',
        'cease',
        'desist',
        'leave me alone',
        'said stop',
      ],
      ...[
        'not wish to be',
        'dont wish to be',
        'not want to be',
        'dont want to be',
        'stop texting',
        'stop messaging',
        'stop contacting',
      ],
      ...['stop sending', 'stop calling', 'stop bothering', 'stop spamming', 'stop harassing', 'take me off'],
      ...['do not text', 'dont text', 'do not contact', 'dont contact', 'do not message', 'dont message'],
      ...[
        'do not send',
        'dont send',
        'do not call',
        'dont call',
        'no more',
        'lose my number',
        'wrong number',
      ],
      ...['not interested', 'unsubscribe', 'unsubscribed', 'opt out', 'optout', 'opt me out', 'go away'],
      ...['delete my number', 'fuck off', 'revoke my consent', 'withdraw my consent', 'want out'],
    ],
    answers: ['no', 'nope', 'nah'],
    courtesy: ['please', 'pls', 'plz', 'thanks', 'thank you', 'thx', 'ok', 'hi', 'hello', 'the word'],
    negations: [
      'dont',
      'do not',
      'never',
      'wont',
      'didnt',
      'did not',
      'cant',
      'cannot',
      'will not',
      'not to',
    ],
  },
  fr: {
    optOut: [
      ...['arret', 'arrete', 'arretez', 'arreter', 'stop sms', 'stop pub', 'desabonner', 'desabonnement'],
      ...['me desabonner', 'desabonnez moi', 'desinscrire', 'desinscription', 'me desinscrire', 'resilier'],
      ...['resiliation', 'annuler', 'fin', 'se desabonner', 'se desinscrire', 'desinscrivez moi'],
    ],
    help: ['aide'],
    unclear: [
      ...['laissez moi tranquille', 'laisse moi tranquille', 'ne me contactez plus', 'plus de messages'],
      ...['plus de sms', 'arretez de', 'arrete de', 'retirer', 'retirez moi', 'supprimer', 'supprimez moi'],
      ...['ne plus recevoir', 'veux plus recevoir', 'desabonner', 'desinscrire', 'pas interesse'],
    ],
    answers: ['non'],
    courtesy: ['merci', 'svp', 'stp', 's il vous plait', 'sil vous plait', 'bonjour'],
    negations: ['ne pas', 'n'],
  },
  es: {
    optOut: [
      ...['alto', 'parar', 'pare', 'paren', 'baja', 'darme de baja', 'dar de baja', 'dame de baja'],
      ...['cancelar', 'cancelar suscripcion', 'anular', 'anular suscripcion', 'detener', 'fin', 'terminar'],
      ...['desuscribir', 'desuscribirme', 'desuscribirse', 'stop sms', 'salir de la lista'],
    ],
    help: ['ayuda', 'informacion'],
    unclear: [
      ...['no mas', 'dejenme en paz', 'dejame en paz', 'no me contacten', 'no me contacte', 'no me escriban'],
      ...['no quiero mas', 'no quiero recibir', 'no envien', 'no me envien', 'no me manden', 'dejen de'],
      ...['deja de', 'eliminar', 'eliminenme', 'borrar', 'borrenme', 'quitar', 'quitenme', 'salir'],
      ...['de baja', 'no me interesa', 'basta'],
    ],
    courtesy: ['por favor', 'gracias', 'hola'],
    negations: [],
  },
} as const satisfies Record<string, KeywordPack>;

/** A language whose keyword pack is included. */
export type KeywordLanguage = keyof typeof KEYWORD_PACKS;
