import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { asProblem } from '~/api/problem'
import { changeAlias } from '~/api/server-ports'
import type { Server, ServerPort } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'

/** Asks what players see in place of a port's address. */
export function PortAliasDialog({
  server,
  port,
  onClose,
}: {
  server: Server
  port: ServerPort | undefined
  onClose: () => void
}) {
  return (
    <Dialog
      open={port !== undefined}
      onClose={onClose}
      title={`Address for players of port ${port?.port}`}
      note="Shown in place of the node’s address. The port itself does not change."
    >
      {port && <PortAliasForm server={server} port={port} onClose={onClose} />}
    </Dialog>
  )
}

function PortAliasForm({ server, port, onClose }: { server: Server; port: ServerPort; onClose: () => void }) {
  const [alias, setAlias] = useState(port.alias ?? '')
  const save = useMutation({
    mutationFn: () => changeAlias(server, port.id, alias.trim()),
    onSuccess: () => {
      toast.done(alias.trim() ? `Players see ${alias.trim()}:${port.port}` : 'Players see the node’s address')
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!save.isPending) save.mutate()
      }}
    >
      <Field
        label="Alias"
        note="optional"
        help={`A host name or IP address that leads to ${server.node.name}, without the port. Empty shows the node’s own.`}
        error={problem?.fields.alias}
      >
        {(ids) => (
          <Input
            {...ids}
            code
            autoFocus
            autoCapitalize="none"
            spellCheck={false}
            maxLength={253}
            placeholder="play.example.net"
            value={alias}
            onChange={(event) => setAlias(event.target.value)}
          />
        )}
      </Field>
      {problem && !problem.fields.alias && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={alias.trim() === (port.alias ?? '') ? 'Nothing has changed' : false}
        >
          Save
        </Button>
      </DialogFoot>
    </form>
  )
}
