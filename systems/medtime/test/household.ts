import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Accounts, createAccounts, type SignedIn } from '../client/account/account.ts'
import type { Notice } from '../client/commitment/notice.ts'
import { type WarningKind, warningText } from '../client/commitment/notice.ts'
import type { LocalStore } from '../client/local-store.ts'
import type { SyncClient } from '../client/sync-client.ts'
import { startAccounts, type TestAccounts } from './accounts.ts'
import { createLyingServer, type LyingServer } from './lying-server.ts'
import { startSystem, type TestSystem } from './system.ts'

export const password = 'Correct horse 7 staple'

/** MedTime with its accounts service, where people get in as an app has them do it. */
export interface Stage {
  system: TestSystem
  accounts: TestAccounts
  /** Somebody who has just signed up. */
  signUp(): Promise<Person>
  stop(): Promise<void>
}

export interface Person {
  email: string
  recoveryCode: string
  /** Of the device on which the account was made. */
  sdk: Accounts
  /** Asks for another password by the recovery code, of a server that may lie. */
  recover(server: LyingServer): Promise<unknown>
  /** Signs a device in: by an SDK of its own, unless told. */
  signIn(name: string, how?: { sdk?: Accounts; with?: string; server?: LyingServer }): Promise<Member>
}

/** A device that is signed in. */
export interface Member {
  signedIn: SignedIn
  /** An access token for the API. */
  token: string
  /** Opens its data: in a store of its own, or in the one it had. */
  open(store?: LocalStore): OpenDevice
}

export interface OpenDevice extends LyingServer {
  client: SyncClient
  /** Everything a person was told on this device. */
  told: Notice['kind'][]
}

/** @param marks how often devices write one; as in an app unless told */
export async function startStage(marks: { everyMs?: number } = {}): Promise<Stage> {
  const system = await startSystem()
  const accounts = await startAccounts(system.roleUrlOf('medtime_accounts'), () => Date.now())
  const createSdk = (through: typeof fetch = fetch) => createAccounts({ address: accounts.address, fetch: through })
  return {
    system,
    accounts,
    signUp: async () => {
      const email = `${randomUUID()}@example.test`
      const sdk = createSdk()
      const { recoveryCode } = await sdk.signUp(email, password)
      const signIn: Person['signIn'] = async (name, how = {}) => {
        const signedIn = await (how.sdk ?? createSdk(how.server?.fetch)).signIn(email, how.with ?? password, name)
        assert.ok(signedIn.outcome === 'signed-in')
        // Of a tier that may have many devices and write often; its sign-in would ask for a second factor.
        const token = await system.token(signedIn.tokens.user_id, { tier: 'perfect' })
        const open: Member['open'] = (store) => {
          const told: Notice['kind'][] = []
          const server = createLyingServer()
          const client = signedIn.open({
            address: system.api,
            token: async () => token,
            fetch: server.fetch,
            marks,
            onNotice: ({ kind }) => told.push(kind),
            ...(store === undefined ? {} : { store }),
          })
          return { ...server, client, told }
        }
        return { signedIn, token, open }
      }
      const recover: Person['recover'] = ({ fetch }) => createSdk(fetch).recover(email, recoveryCode, `${password} 2`)
      return { email, recoveryCode, sdk, recover, signIn }
    },
    stop: async () => {
      await accounts.stop()
      await system.stop()
    },
  }
}

/** What a person reads of each, in Spanish and in English. */
const words: Record<WarningKind | 'trust-on-first-use', [es: RegExp, en: RegExp]> = {
  'data-tampered': [/no es lo que guardaron tus dispositivos/, /not what your devices stored/],
  'changes-withheld': [/no muestra aquí cambios/, /does not show here changes/],
  'devices-split': [/historias distintas/, /different histories/],
  'state-behind-mark': [/un estado anterior/, /an earlier state/],
  'restore-incomplete': [/se restauró desde una copia y faltan cambios/, /restored from a backup, and changes/],
  'keys-replaced': [/otras llaves de tu cuenta/, /other keys for your account/],
  'kdf-changed': [/proteger tu contraseña de otra manera/, /protect your password in another way/],
  'recovery-replaced': [/código de recuperación podría no servir/, /recovery code may not work/],
  'caregiver-key-replaced': [/persona que te cuida cambió/, /person who cares for you changed/],
  'trust-on-first-use': [/todavía no puede comprobar/, /cannot yet check/],
}

/** That a person was told this and nothing else that matters, in words of both languages. */
export function assertTold(told: readonly string[], kind: keyof typeof words): void {
  assert.deepEqual([...new Set(told)], [kind])
  const [es, en] = words[kind]
  assert.match(warningText(kind, 'es'), es)
  assert.match(warningText(kind, 'en'), en)
}
