import type { Rule } from '../rule.ts'

export const promiseWithoutExercise: Rule = {
  id: 'promise-without-exercise',
  severity: 'warning',
  summary: 'A plan whose services promise something names the exercise that drives them.',
  check: ({ plan }) => {
    if (plan.exercise !== undefined) return []
    const first = Object.entries(plan.services).find(
      ([, { promises, performance }]) => Object.keys(promises).length + Object.keys(performance).length > 0,
    )
    if (!first) return []
    return [
      {
        path: ['services', first[0]],
        part: 'key',
        message: `${first[0]} makes promises, and without an exercise every proof of them is inconclusive.`,
        fix: "Write exercise.ts and name it: exercise: './exercise.ts'.",
      },
    ]
  },
}
