import { randomUUID } from 'node:crypto'
import { type Actor, defineExercise } from 'aval'
import { settle, step, type WorkingDevice } from './exercise/actor.ts'
import { allBehaviours } from './exercise/behaviours/all.ts'
import { device } from './exercise/device.ts'
import { fleet } from './exercise/fleet.ts'
import { allMutations } from './exercise/mutations/all.ts'
import { allOccasions } from './exercise/occasions.ts'
import { operations } from './exercise/operations.ts'
import { allPaths } from './exercise/paths.ts'
import { people } from './exercise/people.ts'
import { rawCatalog } from './exercise/raw-catalog.ts'
import { rawSync } from './exercise/raw-sync.ts'
import { readBack } from './exercise/read-back.ts'
import { smoke } from './exercise/smoke.ts'
import { type TokenSource, tokenSource } from './exercise/token-source.ts'
import { allTrials } from './exercise/trials/all.ts'
import { uuidOf } from './exercise/wire.ts'

/** How the provers drive MedTime: clients through the SDK, cases of the contract, and everything that can break. */
export const exercise = defineExercise(({ address, databaseUrl, now, mutation }) => {
  const api = () => address('api')
  // Cases begin with users nobody has seen, also on a database that an earlier run has used.
  const cast = people({ salt: `medtime ${now()}`, issuer: () => address('issuer') })

  const tokens = new Map<string, TokenSource>()
  const tokensOf = (user: string): TokenSource => {
    const source = tokens.get(user) ?? tokenSource(() => cast.tokenOf(user))
    tokens.set(user, source)
    return source
  }
  const rawDevice = (user: string, name: string) => rawSync({ address: api, tokens: tokensOf(user), device: name })
  const clientOf = (user: string, name: string) =>
    device({ address: api, tokens: tokensOf(user), user, device: name, now })

  const actors = new Map<string, WorkingDevice>()
  const known = ({ id }: Actor): WorkingDevice => {
    const actor = actors.get(id)
    if (actor === undefined) throw new Error(`no actor ${id} was made here`)
    return actor
  }
  const reading = readBack({ device: (user) => rawDevice(user, 'reader'), now })
  const perform = operations(
    (actor, purpose) => rawDevice(uuidOf(`${actor} ${purpose}`), 'bulk'),
    (actor, typed) => rawCatalog({ address: api, tokens: tokensOf(uuidOf(`${actor} catalog`)) })(typed),
  )
  const planted = clientOf(uuidOf('medtime planted'), 'planted')

  return {
    actors: (seed, count) =>
      Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const id = `device-${seed}-${index}`
          const made = actors.get(id)
          if (made !== undefined) return made
          // Every third is the second device of the user before it.
          const user = uuidOf(`medtime user ${seed} ${index % 3 === 2 ? index - 1 : index}`)
          const actor: WorkingDevice = {
            id,
            user,
            device: clientOf(user, `device-${index}`),
            known: new Map(),
            owes: false,
            operations: 0,
          }
          await settle([actor])
          actors.set(id, actor)
          return actor
        }),
      ),
    tenantOf: (actor) => known(actor).user,
    step: (actor, random) => step(known(actor), random, now),
    perform: (operation, actor, random) => perform(operation, actor.id, random),
    readBack: (ack) => reading.fateOf(ack),
    settle: async (which) => {
      await settle(which.map(known))
      reading.forget()
    },
    fleet: () =>
      fleet({ address: api, tokensOf, salt: `medtime ${now()}`, forgetful: mutation === 'forgetful-devices' }),
    credentials: async (alias) => ({ authorization: `Bearer ${await cast.token(alias)}` }),
    paths: () =>
      allPaths({
        address,
        credentials: async () => ({ authorization: `Bearer ${await cast.token('planted@paths')}` }),
        keep: async (value) => {
          await planted.client.put('journal', randomUUID(), Buffer.from(value))
          await planted.attempt((client) => client.push())
        },
        newId: randomUUID,
      }),
    behaviours: () => allBehaviours(cast),
    trials: () =>
      allTrials({
        address,
        databaseUrl: (role) => {
          if (databaseUrl === undefined) throw new Error('nobody said how the database is reached')
          return databaseUrl(role)
        },
        tokensOf,
        newId: randomUUID,
        now,
        mutation,
      }),
    occasions: () =>
      allOccasions({
        address,
        credentials: async () => ({ authorization: `Bearer ${await cast.token('occasional@occasions')}` }),
        newId: randomUUID,
      }),
    mutations: () => [...allMutations],
    smoke: () => smoke({ address, device: rawDevice(uuidOf('medtime smoke'), 'smoke'), newId: randomUUID }),
  }
})
