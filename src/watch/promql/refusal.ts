/** Thrown while a text is compiled, caught by `compileQuery`: what is wrong, and the offset in the text where. */
export class Refusal extends Error {
  readonly offset: number

  constructor(problem: string, offset: number) {
    super(problem)
    this.offset = offset
  }
}
