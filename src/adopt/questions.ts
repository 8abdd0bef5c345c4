/** Lines of a plan. */
export type Section = readonly string[]

/** The questions of a first plan, each with its line, counted from 1. */
export function questionsOf(plan: string): { line: number; question: string }[] {
  return plan.split('\n').flatMap((text, index) => {
    const question = /^\s*\/\/ (?:.*? )?Question: (.*)$/.exec(text)?.[1]
    return question === undefined ? [] : [{ line: index + 1, question }]
  })
}
