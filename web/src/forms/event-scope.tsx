import { useQuery } from '@tanstack/react-query'
import { serversQuery } from '~/api/queries'
import { Checkbox } from '~/ui/bits'
import { Segmented } from '~/ui/segmented'

export interface EventScope {
  kind: 'all' | 'some'
  servers: string[]
}

/** Which servers' events a consumer may read. */
export function EventScopeField({
  scope,
  onChange,
}: {
  scope: EventScope
  onChange: (scope: EventScope) => void
}) {
  const servers = useQuery(serversQuery)
  return (
    <div>
      <div className="mb-1.5 font-medium">Reads</div>
      <Segmented
        label="Reads"
        value={scope.kind}
        choices={[
          { value: 'all', label: 'Every server' },
          { value: 'some', label: 'Chosen ones' },
        ]}
        onChange={(kind) => onChange({ ...scope, kind })}
      />
      {scope.kind === 'some' && (
        <ul className="mt-2 max-h-48 overflow-y-auto rounded-box border border-line-2 py-1">
          {(servers.data ?? []).map((server) => (
            <li key={server.id}>
              {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
              <label className="flex min-h-8 items-center gap-2 px-3 hover:bg-surface-2 max-sm:min-h-11">
                <Checkbox
                  checked={scope.servers.includes(server.id)}
                  onChange={(event) =>
                    onChange({
                      ...scope,
                      servers: event.target.checked
                        ? [...scope.servers, server.id]
                        : scope.servers.filter((id) => id !== server.id),
                    })
                  }
                />
                {server.name}
              </label>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
