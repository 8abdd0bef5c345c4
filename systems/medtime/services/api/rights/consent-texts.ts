export interface ConsentText {
  es: string
  en: string
}

/**
 * What a person may agree to, by the id that the record keeps. A text never changes: another wording is another number, so that
 * what somebody agreed to can still be read.
 */
export const consentTexts = {
  'terms-1': {
    es: 'MedTime guarda mis datos cifrados para que mis dispositivos los compartan. MedTime no puede leerlos: sin mi contraseña o mi código de recuperación se pierden. MedTime recuerda y ordena; no sustituye a un profesional de la salud.',
    en: 'MedTime keeps my data encrypted so that my devices share them. MedTime cannot read them: without my password or my recovery code they are lost. MedTime reminds and sorts; it does not replace a health professional.',
  },
  'privacy-1': {
    es: 'MedTime trata mi correo electrónico, el plan contratado, los dispositivos y las horas en que sincronizan, solo para prestar el servicio. Puedo pedir una copia de todo, retirar este consentimiento y borrar mi cuenta cuando quiera.',
    en: 'MedTime uses my e-mail address, my plan, my devices and the times they sync, to provide the service and for nothing else. At any time I may ask for a copy of everything, withdraw this consent and erase my account.',
  },
  'ocr-server-1': {
    es: 'Para leer una receta en el servidor envío su imagen cifrada. El servidor la abre en memoria mientras la lee y no la guarda. También puedo leerla en mi dispositivo sin enviarla.',
    en: 'To have a prescription read on the server I send its image encrypted. The server opens it in memory while it reads and keeps nothing of it. I may also have it read on my device without sending it.',
  },
  'sms-1': {
    es: 'MedTime puede enviarme mensajes SMS a mi número. No dicen nada de mi salud. Respondo STOP para no recibir más.',
    en: 'MedTime may send text messages to my number. They say nothing about my health. I answer STOP to receive no more.',
  },
} as const satisfies Record<string, ConsentText>

export type ConsentTextId = keyof typeof consentTexts
