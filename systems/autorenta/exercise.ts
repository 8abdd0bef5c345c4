import { type Actor, defineExercise } from 'aval'
import { mutations } from './exercise/mutations.ts'
import { moveIn, type Person, type Speakers } from './exercise/people.ts'
import { fateOf } from './exercise/read-back.ts'
import { smoke } from './exercise/smoke.ts'
import { step } from './exercise/step.ts'

/**
 * How the provers drive AutoRenta: its clients speak SQL in the roles that PostgREST would take for them, each with the claims of a person.
 * They hold nothing beside what the database told them, so that nobody brings back what a restore lost.
 */
export const exercise = defineExercise(({ databaseUrl, now }) => {
  const as = (role: string) => () => {
    if (databaseUrl === undefined) throw new Error('nobody said how the database is reached')
    return databaseUrl(role)
  }
  const speakers: Speakers = {
    signUp: { url: as('autorenta_owner') },
    payments: { url: as('autorenta_payments') },
    visitor: { url: as('anon') },
    person: (user) => ({ url: as('authenticated'), person: user }),
  }
  const people = new Map<string, Person>()
  const known = ({ id }: Actor): Person => {
    const person = people.get(id)
    if (person === undefined) throw new Error(`no actor ${id} was made here`)
    return person
  }

  return {
    actors: (seed, count) =>
      Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const id = `person-${seed}-${index}`
          const person = people.get(id) ?? (await moveIn(speakers, id))
          people.set(id, person)
          return person
        }),
      ),
    tenantOf: (actor) => known(actor).user,
    step: (actor, random) =>
      step(
        known(actor),
        [...people.values()].map(({ car }) => car),
        speakers,
        random,
        now,
      ),
    perform: async (operation) => {
      throw new Error(`nothing is known of the operation ${operation}`)
    },
    readBack: (ack) => fateOf(ack, speakers),
    credentials: async (alias) => {
      throw new Error(`no service is asked as ${alias}`)
    },
    paths: () => [],
    behaviours: () => [],
    mutations: () => [...mutations],
    smoke: () => smoke(speakers),
  }
})
