import { setTimeout as sleep } from 'node:timers/promises'
import { type Actor, defineExercise } from 'aval'
import { inClinicBy } from './exercise/in-clinic.ts'
import { mutations } from './exercise/mutations.ts'
import { openClinic } from './exercise/open-clinic.ts'
import { poolAt } from './exercise/pool-at.ts'
import { readBack } from './exercise/read-back.ts'
import { smoke } from './exercise/smoke.ts'
import { type Desk, step } from './exercise/step.ts'

/** A desk serves some 40 clients a second: more than any does, and little enough that the whole load can be read back. */
const pauseMs = 20

/**
 * How the provers drive Bloom: the desks of clinics, by the statements its API sends and through the same tenant context. An
 * acknowledgement is a transaction that committed. Desks hold nothing that they could bring back after a restore.
 */
export const exercise = defineExercise(({ databaseUrl, now, mutation }) => {
  const urlOf = (role: string) => {
    if (databaseUrl === undefined) throw new Error('nobody said how the database is reached')
    return databaseUrl(role)
  }
  const api = poolAt(() => urlOf('bloom_api'))
  const owner = poolAt(() => urlOf('bloom_owner'))
  const inClinic = inClinicBy(api)
  const reading = readBack({ inClinic, now })
  const desks = new Map<string, Desk>()
  const known = ({ id }: Actor): Desk => {
    const desk = desks.get(id)
    if (desk === undefined) throw new Error(`no desk ${id} was opened here`)
    return desk
  }
  const openDesk = async (seed: number, index: number): Promise<Desk> => {
    const id = `desk-${seed}-${index}`
    // Every third is the second desk of the clinic before it.
    const clinic = await openClinic(owner(), `${seed}-${index % 3 === 2 ? index - 1 : index}`)
    const desk = desks.get(id) ?? { id, clinic, clients: [], packages: [], open: [], operations: 0 }
    desks.set(id, desk)
    return desk
  }
  const tools = { inClinic, now, countsSessions: mutation !== 'sessions-not-counted', pause: () => sleep(pauseMs) }

  return {
    actors: (seed, count) => Promise.all(Array.from({ length: count }, (_, index) => openDesk(seed, index))),
    tenantOf: (actor) => known(actor).clinic.id,
    step: (actor, random) => step(known(actor), random, tools),
    perform: (operation) => Promise.reject(new Error(`nobody measures "${operation}" here`)),
    readBack: reading,
    credentials: async () => ({}),
    paths: () => [],
    behaviours: () => [],
    mutations: () => [...mutations],
    smoke: () => smoke({ owner: owner(), api: api(), inClinic }),
  }
})
