export type { Guarantee, GuaranteeKind } from './plan/guarantee.ts'
export { definePlan, type Plan, type PlanInput } from './plan/plan.ts'
export { sqlState } from './postgres/sql-state.ts'
export type {
  Ack,
  Actor,
  Behaviour,
  Exchange,
  Exercise,
  ExerciseEnvironment,
  Expectation,
  HttpRequest,
  Json,
  Mutation,
  Occasion,
  Path,
  SmokeResult,
  Trial,
} from './prove/exercise.ts'
export { defineExercise } from './prove/exercise.ts'
export type { DeviceConflict, Fleet, FleetDevice, FleetDeviceOptions } from './prove/fleet.ts'
export { smokeOf } from './prove/smoke-of.ts'
export { type Ask, inTransaction } from './prove/transaction.ts'
export type { Random } from './random.ts'
