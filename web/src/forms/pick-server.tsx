import { useState } from 'react'
import { useFoundServers } from '~/hooks/use-found-servers'
import { Pick, type Picked } from './pick'

const MOST = 50

export function PickServer({
  picked,
  error,
  onPick,
}: {
  picked: Picked | undefined
  error?: string | undefined
  onPick: (picked: Picked | undefined) => void
}) {
  const [text, setText] = useState('')
  const { whole, found } = useFoundServers(text)
  return (
    <Pick
      label="Server"
      search="Find a server by name"
      text={text}
      onText={setText}
      rows={
        whole === undefined
          ? undefined
          : found.slice(0, MOST).map(({ id, name, node }) => ({ id, name, note: node.name }))
      }
      more={found.length > MOST || (whole === false && text === '')}
      empty="No server has this in its name"
      {...{ picked, error, onPick }}
    />
  )
}
