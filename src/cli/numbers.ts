import { InvalidArgumentError } from 'commander'

export function parseSeed(text: string): number {
  return wholeNumber(text, 0, 'A seed')
}

export function parseCount(text: string): number {
  return wholeNumber(text, 1, 'It')
}

function wholeNumber(text: string, least: number, what: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < least)
    throw new InvalidArgumentError(`${what} is a whole number from ${least}.`)
  return number
}
