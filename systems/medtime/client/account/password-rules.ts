/** What a password lacks: TECH-INF-001 §2.3. The rules are kept here since nobody else ever sees the password. */
export type PasswordFault = 'too-short' | 'no-upper-case' | 'no-lower-case' | 'no-digit'

export const leastPasswordLength = 12

/** Empty when the password may be used. Letters of every script count; a character is what a person sees as one. */
export function passwordFaults(password: string): PasswordFault[] {
  const faults: PasswordFault[] = []
  if ([...new Intl.Segmenter().segment(password)].length < leastPasswordLength) faults.push('too-short')
  if (!/\p{Lu}/u.test(password)) faults.push('no-upper-case')
  if (!/\p{Ll}/u.test(password)) faults.push('no-lower-case')
  if (!/\p{Nd}/u.test(password)) faults.push('no-digit')
  return faults
}

/** A password was refused before anything was sent. */
export class WeakPassword extends Error {
  readonly faults: readonly PasswordFault[]
  constructor(faults: readonly PasswordFault[]) {
    super(`the password is refused: ${faults.join(', ')}`)
    this.name = 'WeakPassword'
    this.faults = faults
  }
}

/** The one form of a password that keyboards of different makers agree on. */
export function normalPassword(password: string): string {
  return password.normalize('NFKC')
}
