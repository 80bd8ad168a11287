import type { ContainerRecord } from '../container/record.ts'
import type { NewEvent } from './event.ts'

/** An event of a container, with the attributes Docker's have: its labels, image and name. */
export function containerEvent(
  { id, name, spec }: ContainerRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): NewEvent {
  return {
    type: 'container',
    action,
    subject: id,
    attributes: { ...spec.labels, image: spec.image, name, ...attributes },
  }
}
