import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { failure, messageOf } from '../errors.ts'
import type { System } from '../project/project.ts'
import { databaseName } from '../run/prepare-system.ts'
import type { Exercise, ExerciseEnvironment, ExerciseFactory } from './exercise.ts'
import { rowsExercise, rowsExerciseName } from './rows-exercise.ts'

/**
 * Loads the exercise that a plan names.
 * @returns undefined when the plan names none: what needs one is then inconclusive.
 * @throws EXERCISE_BROKEN when the module cannot be loaded or exports no exercise.
 */
export async function loadExercise(
  system: System,
): Promise<((environment: ExerciseEnvironment) => Exercise) | undefined> {
  const named = system.plan.exercise
  if (named === undefined) return undefined
  if (named === rowsExerciseName)
    return rowsExercise(system.plan.database?.owner ?? `${databaseName(system.name)}_owner`)
  const file = resolve(system.directory, named)
  let loaded: unknown
  try {
    loaded = await import(pathToFileURL(file).href)
  } catch (cause) {
    throw failure('EXERCISE_BROKEN', { system: system.name, file, problem: messageOf(cause) }, { cause })
  }
  if (!hasExercise(loaded)) {
    throw failure('EXERCISE_BROKEN', {
      system: system.name,
      file,
      problem: 'it does not export a function named "exercise"',
    })
  }
  return loaded.exercise
}

function hasExercise(module: unknown): module is { exercise: ExerciseFactory } {
  return typeof module === 'object' && module !== null && 'exercise' in module && typeof module.exercise === 'function'
}
