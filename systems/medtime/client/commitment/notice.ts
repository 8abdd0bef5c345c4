/** What a person is told, once. */
export type Notice = RestoreNotice | FirstUseNotice | Warning

/** A new device without the mark of another one: it had to believe what it was shown, which may be old. */
export interface FirstUseNotice {
  kind: 'trust-on-first-use'
  epoch: number
}

export interface RestoreNotice {
  kind: 'server-restored'
  epoch: number
}

/** What a person is told of a server that cannot be believed. Each kind is stable: an app may show its own words for it. */
export type WarningKind =
  /** Something the server gave was changed, moved, renamed, set back or made up. */
  | 'data-tampered'
  /** Another device was acknowledged what the server does not show here. */
  | 'changes-withheld'
  /** The server shows two devices two different histories. */
  | 'devices-split'
  /** The server shows less than the mark that was handed to this device. */
  | 'state-behind-mark'
  /** The server was set back by a restore, and not all that was lost is there again. No attack in itself. */
  | 'restore-incomplete'
  | 'keys-replaced'
  | 'kdf-changed'
  | 'recovery-replaced'
  | 'caregiver-key-replaced'

export interface Warning {
  kind: WarningKind
  /** The epoch the server spoke of. */
  epoch: number
  /** The devices whose word it is against. */
  devices: string[]
  entities: string[]
}

type Language = 'es' | 'en'

const texts: Record<Notice['kind'], Record<Language, string>> = {
  'server-restored': {
    es: 'El servicio se restauró desde una copia de seguridad. Este dispositivo envía de nuevo lo que falta; revisa tus medicamentos en los próximos días.',
    en: 'The service was restored from a backup. This device sends again what is missing; look over your medicines in the next days.',
  },
  'trust-on-first-use': {
    es: 'Este dispositivo es nuevo y todavía no puede comprobar que lo que muestra el servicio es lo último. Escanea el código de otro de tus dispositivos o el de tu hoja de recuperación; mientras tanto, compara tus medicamentos con tu receta.',
    en: 'This device is new and cannot yet check that what the service shows is the latest. Scan the code of another of your devices or of your recovery sheet; until then, compare your medicines with your prescription.',
  },
  'data-tampered': {
    es: 'Parte de lo que envió el servicio no es lo que guardaron tus dispositivos. No se usó: aquí sigue lo último que era correcto. Compara tus medicamentos con tu receta y avísanos.',
    en: 'Part of what the service sent is not what your devices stored. It was not used: what you see is the last that was right. Compare your medicines with your prescription, and tell us.',
  },
  'changes-withheld': {
    es: 'El servicio no muestra aquí cambios que otro de tus dispositivos sí guardó. Antes de tomar una dosis, mira también ese dispositivo.',
    en: 'The service does not show here changes that another of your devices stored. Before you take a dose, look at that device as well.',
  },
  'devices-split': {
    es: 'El servicio muestra a tus dispositivos historias distintas. No confíes en lo que aparece en uno solo: compáralos y avísanos.',
    en: 'The service shows your devices different histories. Do not rely on what a single one shows: compare them, and tell us.',
  },
  'state-behind-mark': {
    es: 'El servicio muestra un estado anterior al que confirmó tu otro dispositivo. Este dispositivo todavía no está al día; usa el otro.',
    en: 'The service shows an earlier state than your other device confirmed. This device is not up to date yet; use the other one.',
  },
  'restore-incomplete': {
    es: 'El servicio se restauró desde una copia y faltan cambios que hicieron otros de tus dispositivos. Abre la aplicación en ellos para que los envíen de nuevo.',
    en: 'The service was restored from a backup, and changes that other devices of yours made are missing. Open the app on them so that they send these again.',
  },
  'keys-replaced': {
    es: 'El servicio entregó otras llaves de tu cuenta, que ninguno de tus dispositivos creó. No escribas tu contraseña; avísanos.',
    en: 'The service gave other keys for your account, which none of your devices made. Do not enter your password; tell us.',
  },
  'kdf-changed': {
    es: 'El servicio pidió proteger tu contraseña de otra manera que la acordada, quizá más débil. No se aceptó. No escribas tu contraseña.',
    en: 'The service asked to protect your password in another way than agreed, perhaps a weaker one. It was refused. Do not enter your password.',
  },
  'recovery-replaced': {
    es: 'Los datos para recuperar tu cuenta no son los que crearon tus dispositivos. Tu código de recuperación podría no servir: crea uno nuevo.',
    en: 'The data to recover your account is not what your devices made. Your recovery code may not work: make a new one.',
  },
  'caregiver-key-replaced': {
    es: 'La llave de una persona que te cuida cambió sin que la verificaras. No se compartió nada con ella. Compara de nuevo el código corto con esa persona.',
    en: 'The key of a person who cares for you changed without your verifying it. Nothing was shared with it. Compare the short code with that person again.',
  },
}

/** The words for a person, in Spanish or English. */
export function warningText(kind: Notice['kind'], language: Language): string {
  return texts[kind][language]
}
