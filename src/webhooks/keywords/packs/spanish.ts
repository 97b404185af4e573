/**
 * The Spanish keywords. Sources of the opt-out words: STOP, BAJA, PARAR and CANCELAR, which providers publish (such as
 * Notifycame). The others are what people write for them.
 */

import type { KeywordPack } from './keyword-pack.ts';
import { list } from './list.ts';

const MESSAGES = list(`
  mensaje, mensajes, mensajito, mensajitos, msj, msjs, msg, msgs, sms, mms, texto, textos, publicidad, propaganda,
  promo, promos, promocion, promociones, spam, correo, correos, email, emails, oferta, ofertas, notificacion,
  notificaciones, alerta, alertas, anuncio, anuncios, suscripcion, suscripciones, comunicacion, comunicaciones,
  avisos, envios, cosas, boletin, boletines, mierda, basura, recordatorios
`);
const UNSUBSCRIBE = list(`
  desuscribir, desuscribirme, desuscribirse, desuscribanme, desuscribame, desuscribeme, desuscribo, desinscribir,
  desinscribirme, desapuntarme, desapuntar, desapuntenme, desafiliar, desafiliarme, desvincularme, desuscripcion,
  dessuscribir, dessuscribirme
`);
const ORDERS = list(`
  cita, citas, pedido, pedidos, reserva, reservas, reservacion, entrega, mesa, vuelo, clase, boleto, boletos,
  visita, consulta, turno, orden, viaje, reunion, compra
`);

/** The Spanish pack. */
export const SPANISH = {
  optOut: list(`
    stop, alto, parar, pare, paren, baja, darme de baja, dar de baja, dame de baja, denme de baja, deme de baja,
    darse de baja, de baja, cancelar, cancelar suscripcion, anular, anular suscripcion, detener, fin, terminar,
    desuscribir, desuscribirme, desuscribirse, stop sms, salir de la lista, baja sms, alto sms, baja ya, alto ya,
    stop ya, cancelar todo, la baja, baja total, me doy de baja, stop todo, alto a todo, cancelar mensajes,
    stop mensajes, desinscribir, desinscribirme, parar todo, cancelar la suscripcion, parar sms, parar mensajes,
    alto mensajes, stop publicidad, paren ya
  `),
  help: ['ayuda', 'informacion'],
  unclear: [],
  answers: [],
  courtesy: list(`
    por favor, porfavor, porfa, xfavor, xfa, gracias, muchas, hola, buenos dias, buenas tardes, buenas noches,
    buen dia, buenas, un saludo, saludos, favor, muy amable, senores, disculpe, ok, perdon, les agradezco, por fa,
    pf, x favor, de antemano
  `),
  negations: ['no', 'nunca'],
  stopWords: ['stop', ...UNSUBSCRIBE],
  frames: list(`
    quiero, deseo, quisiera, solicito, ya, ahora, ahora mismo, no, si, dije, he dicho, les dije, que,
    inmediatamente, de una vez, ya dije, dije que, por ultima vez, necesito, la, el, todo, y
  `),
  pairs: ['des suscribir', 'des suscribirme'],
  joinable: list(`
    sms, ya, mensajes, todo, porfavor, publicidad, gracias, de, la, lista, dar, darme, baja
  `),
  groups: {
    messages: MESSAGES,
    unsubscribe: UNSUBSCRIBE,
    parar: list(`
      parar, pare, paren, cesen, cese, detengan, detenga, detener, basta, suspendan, suspender, stop, stopemoji,
      alto, terminen
    `),
    dejar: ['deja', 'deje', 'dejen', 'dejar', 'dejes', 'dejad', 'para', 'paras', 'termina', 'terminen'],
    send: list(`
      enviar, enviarme, enviarnos, enviando, enviandome, mandar, mandarme, mandarnos, mandando, mandandome,
      escribir, escribirme, escribiendo, escribiendome, contactar, contactarme, contactarnos, molestar, molestarme,
      molestando, molestandome, textear, textearme, fastidiar, fastidiarme, hostigar, acosar, acosarme, acosando,
      joder, spamear, recibir, recibirlos, jorobar, insistir, mensajear, mensajearme, bombardearme, incordiar,
      incordiarme, llenarme
    `),
    sends: list(`
      envien, envie, envies, envieis, enviais, manden, mande, mandes, mandeis, remitan, enviar, enviarme, mandar,
      mandarme, envian, mandan, textee, texteen
    `),
    bothers: list(`
      escriban, escriba, escribas, escribais, contacten, contacte, contactes, molesten, moleste, molestes,
      molesteis, fastidien, fastidies, jodan, acosen, texteen, insistan, insista, contactar, contactarme, molestar,
      molestarme, escribir, escribirme, hostiguen, incordien, busquen
    `),
    querer: list(`
      quiero, deseo, queremos, quisiera, necesito, deseamos, quieren, acepto, autorizo, consiento, pedi, solicite
    `),
    removeMe: list(`
      quitenme, quiteme, quitame, quitarme, quitadme, eliminenme, elimineme, eliminame, eliminarme, borrenme,
      borreme, borrame, borrarme, borradme, saquenme, saqueme, sacame, sacarme, retirenme, retireme, retirame,
      retirarme, remuevanme, remuevame, removerme, salirme, excluyanme, bajenme, bajame, descartenme, tachenme
    `),
    remove: list(`
      quita, quite, quiten, quitar, elimina, elimine, eliminen, eliminar, borra, borre, borren, borrar, saca, saque,
      saquen, sacar, retira, retire, retiren, retirar, remueva, remuevan, remover, olviden, olvida, olvide, pierdan,
      bloqueen, suprimir, supriman
    `),
    number: list(`
      numero, num, telefono, celular, movil, contacto, datos, cel, nombre, nro, tel
    `),
    list: list(`
      lista, listas, base, sistema, registro, registros, grupo, contactos, agenda, difusion
    `),
    give: list(`
      dar, darme, darnos, darse, dame, denme, deme, den, de, doy, dando, dadme, dese, demen, tramiten, darle
    `),
    order: ORDERS,
    accident: ['error', 'equivocacion', 'accidente', 'querer', 'accidentalmente'],
    say: list(`
      envie, mande, escribi, puse, respondi, conteste, texteo, dije, mando, envio, escribo, respondo, pongo
    `),
  },
  fillers: list(`
    me, nos, de, del, la, el, los, las, lo, su, sus, tu, tus, mi, mis, este, estos, esta, estas, esos, ese, esa,
    mas, recibir, que, ningun, ninguna, tantos, tantas, tanto, tanta, enviando, mandando, enviar, mandar, enviarme,
    mandarme, por, favor, ya, con, a, al, en, un, una, otro, otra, otros, otras, tipo, sms, mensajes, texto, todo,
    todos, todas, estar, ser, recibiendo, celular, telefono, numero, difusion, contactos, putos, malditos, estos,
    promocionales, seguir, sigan, sigas, siga, volver, vuelvan, vuelva, quiero, tener, envien, manden, escriban,
    datos
  `),
  requests: list(`
    ^ baja|alto|paren [inmediata|definitiva|total|ya] $, ^ para ya|de, nunca|jamas mas me, @parar ~ @send,
    @dejar ya de ~ @send|@messages, @dejar de ~ @send|@messages, @parar ~ @messages, @parar ya|esto|eso $,
    no [me|nos|le|les] @sends ~ @messages|mas|nada|$, no [me|nos|le|les] @bothers,
    no ~ sigan|siga|sigas|vuelvan|vuelva ~ @send|enviando|mandando|escribiendo|molestando|@messages|contactar,
    no @querer ~ @messages, no @querer recibir|recibirlos [mas|nada] $,
    no @querer ~ envien|manden|escriban|contacten|molesten|contactado|contactada|mensajeen,
    nomas|no mas ~ @messages, no mas ~ @messages, ^ ni ~ @messages, ^ no ~ @messages $, sin mas @messages,
    @give [me|nos|se|por] [favor] de baja, doy|dar|dan|de me|nos|se de baja, dar [me|nos] [por] [favor] de baja,
    quiero|deseo|solicito|solicitar|quisiera|pido|necesito|tramitar ~ baja, causar|cursar baja,
    ^ baja de|del|en|a ~ @list|@messages|servicio|esto, baja ~ @list|@messages, @removeMe ~ @list,
    @removeMe [ya|ahora] $, @removeMe de|del|ya|por|ahora, @remove mi|este|ese|el|mis ~ @number,
    @remove ~ @number de|del ~ @list, @remove ~ @list, @remove me de|del, salir|salirme ~ @list|esto|aqui|@messages,
    cancelar|cancela|cancelen|cancele|cancelo|anular|anulen|anule ~ @messages|suscripcion|servicio,
    retiro|revoco|revocar|retirar|anulo ~ consentimiento|permiso|autorizacion, no autorizo|consiento|doy,
    me @unsubscribe, quiero|deseo|para|como|quisiera @unsubscribe, ^ @unsubscribe
  `),
  complaints: list(`
    no [me] llame|llamen|llames ni, no dejan|paran|deja|para de,
    ya|cuantas|varias ~ dije|veces|pedi|solicite … stop|baja|@unsubscribe,
    siguen|sigue|continuan enviando|mandando|molestando|llegando|escribiendo, por|porque que siguen|sigue
  `),
  doubts: list(`
    no|nunca|jamas [me|nos] [quiero|deseo|pienso|queria|quise|quisiera|pretendo|voy] [a|que] [me|nos] [dar|darme|den|de|deme|denme|doy|di] [de|la] baja|@unsubscribe|stop|cancelar|salir,
    no [quiero|pretendo|queria] [que] [me] quitar|quitarme|quiten|borrarme|borren|@removeMe,
    no|nunca|jamas [quiero|deseo|vayan] [a] @parar|@dejar [nunca|jamas] de, no pares|paren|pare|parar,
    por @accident … baja|stop|@unsubscribe|alto, baja|stop|@unsubscribe|alto … por|sin @accident,
    no [me] llame|llamen|llames|llamar … mensaje|mensajes|texto|escriba|escribame|escriban|escribanme|whatsapp|sms|correo,
    que pasa si … stop|baja, si @say … stop|baja, por que me dieron|dio|dieron|di de baja, me dieron|dio de baja
  `),
  returns: list(`
    vuelvan|vuelva|volver ~ enviar|recibir|suscribir|suscribirme|inscribirme,
    reactiven|reactivar|reactivenme|suscribanme|suscribirme|agreguenme|agregame|anotenme|inscribanme|apuntenme,
    sigan|siga|seguir enviando|mandando|recibiendo, quiero seguir|volver
  `),
  refusals: list(`
    ^ no quiero $, ya no * [este|ese|mi|su] numero|celular|telefono, ya no vive|trabaja,
    no lo|la|los|las quiero|necesito $,
    ^ salir|eliminar|borrar|quitar|remover|desactivar|basta|detengan|detenganse|suspender|eliminen|borren|quiten|spam|nomas|suficiente|retirar $,
    ^ basta|paren|detenganse ya|de|con|por, ^ no mas $, ya basta, ya no ~ $,
    ya no [me|nos|los|las] interesa|interesan|quiero|deseo|necesito|soy, no @querer [recibir] mas [nada|de] $,
    no @querer ~ nada, no @querer recibir, no [me|nos|le] interesa|interesan,
    no estoy|estamos|esta interesado|interesada|interesados,
    dejenme|dejame|dejeme|dejarme|dejadme|dejennos [en] paz|tranquilo|tranquila,
    numero|persona equivocado|equivocada|incorrecto|incorrecta|erroneo|erronea,
    equivocado|equivocada|equivocados ~ numero|persona, equivocado|equivocada|equivocados $,
    se|te equivoca|equivocan|equivoco|equivocaron|equivocaste ~ numero|persona|$,
    no es mi|su|el|este [numero|celular] [correcto],
    no soy [la|el|esa|ese|esta] persona|cliente|clienta|indicado|indicada, no conozco a, no vive|trabaja aqui,
    no|nunca|jamas [me|les|yo] pedi|solicite|suscribi|inscribi|autorice|registre|apunte|di ~,
    lo|los|les denuncio|denunciare|denunciar|demandar|demandare|reportar|reportare,
    denuncia|denunciare|acoso|estafa|profeco|aepd, harto|harta|hartos|hartas, cansado|cansada de,
    vayanse|larguense|vete|largo|chinguen|jodanse|jodete, no me llame|llamen|llames, no llame|llamen|llames mas|$,
    demasiados|muchos ~ @messages, no molestar, de donde|quien sacaron|dio|tienen|saco ~ numero, @removeMe,
    @remove ~ @number, dejen|deje|deja de
  `),
  harmless: list(`
    senal|un|el|la de|del stop, no es lo que, @remove ~ @order|producto|articulo|cebolla|queso, no molestar el|la,
    deje|dejen|deja|dejar el|la|los|las
  `),
  subjects: ORDERS,
  reactions: list(`
    le gusto, le encanto, no le gusto, le disgusto, se rio de, se rio con, le dio risa, enfatizo, destaco,
    cuestiono, pregunto sobre, pregunto por, reacciono … a, reacciono, quito … de, elimino … de, a, me gusta,
    me encanta, le ha gustado, le ha encantado, se ha reido de, ha reaccionado … a, ha destacado,
    ha indicado … gusta, ha enfatizado, dio risa, agrego … a, anadio … a, ha cuestionado, resalto, puso enfasis en,
    le hizo gracia, hizo hincapie en, subrayo, ha dicho … gusta
  `),
  instructions: list(`
    responda|responde|envie|envia|escriba|escribe|conteste|texto|mande|manda [la] [palabra] [con] stop|baja|alto|cancelar|salir|parar al|para|a|y|si|por ~ [#|cancelar|salir|baja|recibir] [recibir|de|baja] [mas|mensajes|baja] [mensajes],
    stop|baja|alto para|al cancelar|salir|#|darse|no|terminar|dejar [de|recibir] [baja|recibir|mas] [mas|mensajes],
    baja al #
  `),
} as const satisfies KeywordPack;
