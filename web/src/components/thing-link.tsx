import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Things } from '~/util/things'
import { visible } from '~/util/visible'

const LINK = 'hit hover:text-accent'

/** A name of others, apart from the words around it whichever way it is written. */
export function Name({ children }: { children: string }) {
  return <bdi>{visible(children)}</bdi>
}

/** The name of something that the log speaks of; a link where it is still there. */
export function ThingLink({
  id,
  told,
  things,
}: {
  id: string | null
  told?: string | undefined
  things: Things
}) {
  const thing = id === null ? undefined : things.get(id)
  const text = thing?.name ?? told
  if (text === undefined) return null
  const name = <Name>{text}</Name>
  if (id === null || !thing?.stands) return name
  return <Place {...{ id }} kind={thing.kind} name={name} />
}

function Place({ id, kind, name }: { id: string; kind: string; name: ReactNode }) {
  switch (kind) {
    case 'server':
      return (
        <Link to="/servers/$server" params={{ server: id }} className={LINK}>
          {name}
        </Link>
      )
    case 'node':
      return (
        <Link to="/nodes/$node" params={{ node: id }} className={LINK}>
          {name}
        </Link>
      )
    case 'person':
      return (
        <Link to="/people/$user" params={{ user: id }} className={LINK}>
          {name}
        </Link>
      )
    case 'role':
      return (
        <Link to="/roles/$role" params={{ role: id }} className={LINK}>
          {name}
        </Link>
      )
    case 'egg':
      return (
        <Link to="/eggs/$egg" params={{ egg: id }} className={LINK}>
          {name}
        </Link>
      )
    case 'nest':
      return (
        <Link to="/eggs" search={{ nest: id }} className={LINK}>
          {name}
        </Link>
      )
    case 'mount':
      return (
        <Link to="/mounts" className={LINK}>
          {name}
        </Link>
      )
    case 'plan':
      return (
        <Link to="/plans" className={LINK}>
          {name}
        </Link>
      )
    default:
      return (
        <Link to="/nodes" hash="locations" className={LINK}>
          {name}
        </Link>
      )
  }
}
