import type { Behaviour, Exchange, Expectation, Json } from 'aval'
import type { People } from '../people.ts'
import { uuidOf } from '../wire.ts'
import { refused } from './answers.ts'

export type Tier = 'free' | 'pro' | 'perfect'

/** What a case about accounts is written with: people nobody else has, vouched for by the development issuer. */
export interface AccountsScene {
  /** An address of this case and this run. */
  email(name: string): string
  /**
   * Signs somebody in: two exchanges, the provider's token and ours for it. Saves `<device>_access`, `<device>_refresh` and
   * `<device>_session`.
   */
  signIn(name: string, device: string, how?: SignIn): Exchange[]
}

export interface SignIn {
  tier?: Tier
  /** Whether the provider says that it asked for a second factor; it does unless told. */
  secondFactor?: boolean
  /** What the answer must hold beside the tokens. */
  expect?: Expectation
}

const text = 're:^[\\w.-]+$'

/** One case of a promise of accounts. The id is the promise and the name, such as `sessions-by-tier/free`. */
export function accountsCase(
  promise: string,
  name: string,
  title: string,
  write: (scene: AccountsScene) => Exchange[],
): (people: People) => Behaviour {
  const id = `${promise}/${name}`
  return (people) => {
    const idOf = (who: string) => people.userId(people.alias(who, id))
    const scene: AccountsScene = {
      email: (who) => `${idOf(who)}@example.test`,
      signIn: (who, device, { tier = 'free', secondFactor = true, expect } = {}) => [
        {
          service: 'issuer',
          request: {
            method: 'POST',
            path: '/token',
            json: {
              sub: idOf(who),
              email: `${idOf(who)}@example.test`,
              tier,
              claims: {
                iss: 'https://development.example.test',
                aud: 'medtime-accounts',
                amr: secondFactor ? 'mfa' : null,
                // A token is taken once, and two of one second would be the same.
                jti: uuidOf(`${id} ${who} ${device}`),
              },
            },
          },
          expect: { status: 200 },
          save: { vouched: '/access_token' },
        },
        token(
          { grant_type: 'id_token', provider: 'development', id_token: '{{vouched}}', device_id: device },
          expect ?? { status: 200, json: { access_token: text, refresh_token: text, ended_sessions: [] } },
          expect !== undefined && expect.status !== 200
            ? {}
            : {
                [`${device}_access`]: '/access_token',
                [`${device}_refresh`]: '/refresh_token',
                [`${device}_session`]: '/session_id',
              },
        ),
      ],
    }
    return { id, promise: `accounts/${promise}`, title, exchanges: write(scene) }
  }
}

/** POST /auth/token. */
export function token(json: Json, expect: Expectation, save: Record<string, string> = {}): Exchange {
  return post('/auth/token', json, expect, save)
}

export function post(path: string, json: Json, expect: Expectation, save: Record<string, string> = {}): Exchange {
  return { service: 'accounts', request: { method: 'POST', path, json }, expect, save }
}

/** @param saved name of the refresh token, such as `phone_refresh` */
export function refresh(saved: string, expect: Expectation, save: Record<string, string> = {}): Exchange {
  return token({ grant_type: 'refresh_token', refresh_token: `{{${saved}}}` }, expect, save)
}

/** A request with an access token that was saved. */
export function withAccess(
  service: 'accounts' | 'api',
  method: 'GET' | 'DELETE',
  path: string,
  saved: string,
  expect: Expectation,
): Exchange {
  return { service, request: { method, path, headers: { authorization: `Bearer {{${saved}}}` } }, expect }
}

export const sessionEnded = refused(401, 'SESSION_ENDED')
export const signInFailed = refused(401, 'SIGN_IN_FAILED')
