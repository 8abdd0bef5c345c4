import { type Actor, defineExercise } from 'aval'
import { type Doors, type Household, moveIn } from './exercise/household.ts'
import { mutations } from './exercise/mutations.ts'
import { fateOf } from './exercise/read-back.ts'
import { smoke } from './exercise/smoke.ts'
import { step } from './exercise/step.ts'

/**
 * How the provers drive SUPRA Water: its clients speak SQL in the roles of the API and of the workers, each transaction for one utility. They hold nothing beside what the
 * database told them, so that nobody brings back what a restore lost.
 */
export const exercise = defineExercise(({ databaseUrl, now }) => {
  const as = (role: string) => () => {
    if (databaseUrl === undefined) throw new Error('nobody said how the database is reached')
    return databaseUrl(role)
  }
  const doors: Doors = { owner: as('supra_owner'), api: as('supra_api'), worker: as('supra_worker') }
  const households = new Map<string, Household>()
  const known = ({ id }: Actor): Household => {
    const household = households.get(id)
    if (household === undefined) throw new Error(`no actor ${id} was made here`)
    return household
  }

  return {
    actors: (seed, count) =>
      Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const household = households.get(`household-${seed}-${index}`) ?? (await moveIn(doors, seed, index))
          households.set(household.id, household)
          return household
        }),
      ),
    tenantOf: (actor) => known(actor).tenant,
    step: (actor, random) => step(known(actor), doors, random, now),
    perform: async (operation) => {
      throw new Error(`nothing is known of the operation ${operation}`)
    },
    readBack: (ack) => fateOf(ack, doors),
    credentials: async (alias) => {
      throw new Error(`no service is asked as ${alias}`)
    },
    paths: () => [],
    behaviours: () => [],
    mutations: () => [...mutations],
    smoke: () => smoke(doors),
  }
})
