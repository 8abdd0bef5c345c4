import { failure } from '../../errors.ts'
import type { Migration } from './migration.ts'
import type { MigrationState } from './status.ts'

/** What stands in the way of migrating, and how it is mended. */
export interface Obstacle {
  id: string
  reason: string
  fix: string
}

/** Everything that stands in the way, in the order of the states. */
export function obstaclesOf(
  states: readonly MigrationState[],
  options: { outOfOrder: 'refuse' | 'apply' },
): Obstacle[] {
  return states.flatMap((each) => {
    const obstacle = obstacleOf(each, options.outOfOrder)
    return obstacle ? [{ id: each.id, ...obstacle }] : []
  })
}

function obstacleOf(each: MigrationState, outOfOrder: 'refuse' | 'apply'): Omit<Obstacle, 'id'> | undefined {
  switch (each.state) {
    case 'applied':
    case 'pending':
    case 'interrupted':
      return undefined
    case 'changed':
      return each.record.state === 'applied'
        ? {
            reason: `${each.migration.name} is no longer what was applied`,
            fix: 'Bring back the file as it was applied, and put the change into a new migration.',
          }
        : {
            reason: `${each.migration.name} stopped after ${each.record.done} statements, and those have changed since`,
            fix: 'Bring back the statements that are done; what follows them may be mended.',
          }
    case 'renamed':
      return {
        reason: `${each.migration.name} was applied under the name ${each.record.name}`,
        fix: `Rename the file back to ${each.record.name}.`,
      }
    case 'missing':
      return {
        reason: `${each.record.name} was applied, but its file is gone`,
        fix: 'Bring the file back, for example from the branch it was applied from.',
      }
    case 'unjournaled':
      return {
        reason: `${each.migration.name} is not in meta/_journal.json, so that Drizzle never applies it`,
        fix: 'Make it with `drizzle-kit generate --custom`, or delete it.',
      }
    case 'out-of-order':
      return outOfOrder === 'apply'
        ? undefined
        : {
            reason: `${each.migration.name} is not applied, but ${each.appliedBefore}, which comes after it, is`,
            fix: 'Give it a later version, or apply it all the same with --out-of-order.',
          }
  }
}

/** @throws MIGRATIONS_REFUSED naming every obstacle */
export function refuseObstacles(obstacles: readonly Obstacle[], migrations: readonly Migration[]): void {
  const first = obstacles[0]
  if (first === undefined) return
  const file = migrations.find(({ id }) => id === first.id)?.file
  throw failure(
    'MIGRATIONS_REFUSED',
    {
      reasons: obstacles.map(({ reason }) => reason).join('; '),
      fixes: [...new Set(obstacles.map(({ fix }) => fix))].join('\n  '),
    },
    file === undefined ? {} : { where: { file } },
  )
}
