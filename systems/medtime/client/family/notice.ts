/** Something a person has to know about a link, in the two languages of the product. */
export interface FamilyNotice {
  kind: 'other-public-key' | 'invite-answer-forged' | 'commitment-broken' | 'key-forged' | 'link-ended'
  /** The other person. */
  peer: string
  text: { es: string; en: string }
}

const texts: Readonly<Record<FamilyNotice['kind'], FamilyNotice['text']>> = {
  'other-public-key': {
    es: 'La clave de esta persona ya no es la que verificaron juntos. No se comparte nada con la clave nueva. Si cambió de cuenta o de clave, hagan una invitación nueva; si no, alguien intenta leer en su lugar.',
    en: 'This person’s key is not the one you verified together. Nothing is shared with the new key. If they changed their account or key, make a new invite; if not, somebody is trying to read in their place.',
  },
  'invite-answer-forged': {
    es: 'Quien respondió a la invitación no la tenía. La respuesta se rechazó; haga una invitación nueva.',
    en: 'Whoever answered the invite did not hold it. The answer was refused; make a new invite.',
  },
  'commitment-broken': {
    es: 'La clave que llegó no es la que anunciaba la invitación. No la acepte; pida una invitación nueva en persona.',
    en: 'The key that came is not the one the invite announced. Do not accept it; ask for a new invite in person.',
  },
  'key-forged': {
    es: 'Llegó una clave que esta persona no selló para usted. Se descartó.',
    en: 'A key came that this person did not seal for you. It was thrown away.',
  },
  'link-ended': {
    es: 'El permiso para ver los datos de esta persona terminó.',
    en: 'The permission to see this person’s data has ended.',
  },
}

export function familyNotice(kind: FamilyNotice['kind'], peer: string): FamilyNotice {
  return { kind, peer, text: texts[kind] }
}
