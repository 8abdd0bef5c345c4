import type { Behaviour, Exchange, Expectation, HttpRequest, Json } from 'aval'
import type { Defect, People, Tier } from '../people.ts'
import { uuidOf, type WireEntity, wireEntity } from '../wire.ts'

/** What a case is written with: people and entities nobody else has. */
export interface Scene {
  /** A person of this case, of the highest tier unless told. */
  person(name: string, tier?: Tier): string
  /** A person of this case whose token has a defect. */
  defective(name: string, defect: Defect): string
  /** The user id of a person of this case. */
  userId(name: string): string
  /** An entity of this case; the same name is the same id and, unless changed, the same content. */
  entity(name: string, change?: Change): WireEntity
  /** As many entities as told, `prefix-0` first. */
  entities(prefix: string, count: number): WireEntity[]
}

export interface Change {
  version?: number
  deleted?: boolean
  type?: string
  keyId?: string
  /** Text that stands for the ciphertext; the name and the version unless told. */
  text?: string
  /** Bytes of zeros instead of text. */
  size?: number
}

export type CaseOf = (people: People) => Behaviour

/** One case of a promise of the api. The id is the promise and the name, such as `push-atomic/one-conflict`. */
export function caseOf(promise: string, name: string, title: string, write: (scene: Scene) => Exchange[]): CaseOf {
  const id = `${promise}/${name}`
  return (people) => {
    const scene: Scene = {
      person: (who, tier) => people.alias(who, id, tier),
      defective: (who, defect) => people.alias(who, id, defect),
      userId: (who) => people.userId(people.alias(who, id)),
      entity: (entityName, change = {}) => {
        const text = change.text ?? `${id} ${entityName} ${change.version ?? 1}`
        const bytes = change.size === undefined ? Buffer.from(text) : Buffer.alloc(change.size)
        return wireEntity({ ...change, id: uuidOf(`${id} ${entityName}`), bytes })
      },
      entities: (prefix, count) => Array.from({ length: count }, (_, index) => scene.entity(`${prefix}-${index}`)),
    }
    return { id, promise: `api/${promise}`, title, exchanges: write(scene) }
  }
}

type Saved = { save?: Record<string, string> }

export function push(
  as: string,
  entities: Json[],
  expect: Expectation,
  more: Saved & { device?: string } = {},
): Exchange {
  const { device = 'device-1', ...saved } = more
  const json = { device_id: device, entities }
  return { as, service: 'api', request: { method: 'POST', path: '/sync/push', json }, expect, ...saved }
}

/** @param query such as `limit=3&cursor={{cursor}}`. */
export function pull(as: string, query: string, expect: Expectation, more: Saved = {}): Exchange {
  return { as, ...get(`/sync/pull${query === '' ? '' : `?${query}`}`, expect), ...more }
}

export function status(as: string, expect: Expectation, more: Saved = {}): Exchange {
  return { as, ...get('/sync/status', expect), ...more }
}

export function get(path: string, expect: Expectation): Exchange {
  return { service: 'api', request: { method: 'GET', path }, expect }
}

/** A request written out, for what the other forms would not let through. */
export function raw(request: HttpRequest, expect: Expectation, as?: string): Exchange {
  return { ...(as === undefined ? {} : { as }), service: 'api', request, expect }
}
