import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { asProblem } from '~/api/problem'
import { changeAlias } from '~/api/server-ports'
import type { Server, ServerPort } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'

const t = texts('server_settings')
const common = texts('common')

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
      title={t('port_alias.title', { port: port?.port ?? '' })}
      note={t('port_alias.note')}
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
      toast.done(
        alias.trim()
          ? t('port_alias.done', { address: `${alias.trim()}:${port.port}` })
          : t('port_alias.done_none'),
      )
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
        label={t('port_alias.alias')}
        note={t('optional')}
        help={t('port_alias.help', { node: server.node.name })}
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
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={alias.trim() === (port.alias ?? '') ? t('unchanged') : false}
        >
          {t('save')}
        </Button>
      </DialogFoot>
    </form>
  )
}
