/*
 * What people type about alerts and incidents is kept as it is and shown to everybody who looks. That a word is somebody's name cannot be
 * seen; an address by which somebody is found can.
 */

const line = /[\p{Cc}\u2028\u2029]/u
const mail = /[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+/
const telephone = /\+\d[\d ().-]{6,}\d|(?<![\w.-])\(?\d{2,4}\)?[ .-]\d{3,4}[ .-]\d{4}(?![\w.-])/

/**
 * What is wrong with a line that somebody typed, as parts of a sentence about it; empty when it may be kept.
 * @param most characters it may have.
 */
export function typedProblems(text: string, most: number): string[] {
  const problems: string[] = []
  if (text.trim() === '' || [...text].length > most) problems.push(`has 1 to ${most} characters`)
  if (line.test(text)) problems.push('is one line')
  if (mail.test(text)) problems.push('holds no e-mail address: say a role of the plan')
  if (telephone.test(text)) problems.push('holds no telephone number: say a role of the plan')
  return problems
}
