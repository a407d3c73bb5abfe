# Made by tests/harness/completion.py from the table of commands: run make man.

function __ldirectord_command
    for word in (commandline -opc)[2..-1]
        if contains -- $word start stop restart try-restart reload force-reload check-now status run show events top drain undrain disable enable check dump convert table plan doctor shadow probe
            echo $word
            return 0
        end
    end
    return 1
end

complete -c ldirectord -n '__ldirectord_command >/dev/null' -f
complete -c ldirectord -n 'not __ldirectord_command' -a start -d 'start the daemon in the background'
complete -c ldirectord -n 'not __ldirectord_command' -a stop -d 'stop the daemon and wait until it has ended'
complete -c ldirectord -n 'not __ldirectord_command' -a restart -d 'stop the daemon if it runs, and start it'
complete -c ldirectord -n 'not __ldirectord_command' -a try-restart -d 'restart the daemon only if it runs'
complete -c ldirectord -n 'not __ldirectord_command' -a reload -d 'make the daemon read its configuration again'
complete -c ldirectord -n 'not __ldirectord_command' -a force-reload -d 'the same as reload'
complete -c ldirectord -n 'not __ldirectord_command' -a check-now -d 'have the daemon probe servers at once'
complete -c ldirectord -n 'not __ldirectord_command' -a status -d 'print whether the daemon runs'
complete -c ldirectord -n 'not __ldirectord_command' -a run -d 'run the daemon in the foreground, for systemd'
complete -c ldirectord -n 'not __ldirectord_command' -a show -d 'show the servers'
complete -c ldirectord -n 'not __ldirectord_command' -a events -d 'print what happened, and with --follow what happens'
complete -c ldirectord -n 'not __ldirectord_command' -a top -d 'show the servers live, what hurts first'
complete -c ldirectord -n 'not __ldirectord_command' -a drain -d 'give servers weight 0'
complete -c ldirectord -n 'not __ldirectord_command' -a undrain -d 'end a drain'
complete -c ldirectord -n 'not __ldirectord_command' -a disable -d 'take servers out'
complete -c ldirectord -n 'not __ldirectord_command' -a enable -d 'end a drain or a disable'
complete -c ldirectord -n 'not __ldirectord_command' -a check -d 'check the configuration'
complete -c ldirectord -n 'not __ldirectord_command' -a dump -d 'print the configuration with all defaults'
complete -c ldirectord -n 'not __ldirectord_command' -a convert -d 'print the configuration in the other form'
complete -c ldirectord -n 'not __ldirectord_command' -a table -d 'print the kernel\'s table while all servers are up, as ipvsadm -Sn'
complete -c ldirectord -n 'not __ldirectord_command' -a plan -d 'print what a start, or a reload after OLDFILE, would change in the kernel'
complete -c ldirectord -n 'not __ldirectord_command' -a doctor -d 'find what of this host stands in the way'
complete -c ldirectord -n 'not __ldirectord_command' -a shadow -d 'check beside a director, write nothing, and print where our table would differ'
complete -c ldirectord -n 'not __ldirectord_command' -a probe -d 'run each check once, now'
complete -c ldirectord -n 'not __ldirectord_command' -s d -l debug
complete -c ldirectord -n 'not __ldirectord_command' -s h -l help
complete -c ldirectord -n 'not __ldirectord_command' -s v -l version
complete -c ldirectord -n 'string match -q -- reload (__ldirectord_command)' -l wait
complete -c ldirectord -n 'string match -q -- force-reload (__ldirectord_command)' -l wait
complete -c ldirectord -n 'string match -q -- check-now (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- run (__ldirectord_command)' -l memory-kernel
complete -c ldirectord -n 'string match -q -- show (__ldirectord_command)' -l down
complete -c ldirectord -n 'string match -q -- show (__ldirectord_command)' -l all
complete -c ldirectord -n 'string match -q -- show (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- events (__ldirectord_command)' -l follow
complete -c ldirectord -n 'string match -q -- events (__ldirectord_command)' -l since -x
complete -c ldirectord -n 'string match -q -- events (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- drain (__ldirectord_command)' -l until -x
complete -c ldirectord -n 'string match -q -- drain (__ldirectord_command)' -l virtual -x
complete -c ldirectord -n 'string match -q -- drain (__ldirectord_command)' -l why -x
complete -c ldirectord -n 'string match -q -- drain (__ldirectord_command)' -l wait -x
complete -c ldirectord -n 'string match -q -- drain (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- undrain (__ldirectord_command)' -l virtual -x
complete -c ldirectord -n 'string match -q -- undrain (__ldirectord_command)' -l why -x
complete -c ldirectord -n 'string match -q -- undrain (__ldirectord_command)' -l wait -x
complete -c ldirectord -n 'string match -q -- undrain (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- disable (__ldirectord_command)' -l until -x
complete -c ldirectord -n 'string match -q -- disable (__ldirectord_command)' -l virtual -x
complete -c ldirectord -n 'string match -q -- disable (__ldirectord_command)' -l why -x
complete -c ldirectord -n 'string match -q -- disable (__ldirectord_command)' -l wait -x
complete -c ldirectord -n 'string match -q -- disable (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- enable (__ldirectord_command)' -l virtual -x
complete -c ldirectord -n 'string match -q -- enable (__ldirectord_command)' -l why -x
complete -c ldirectord -n 'string match -q -- enable (__ldirectord_command)' -l wait -x
complete -c ldirectord -n 'string match -q -- enable (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- dump (__ldirectord_command)' -l format -xa 'json yaml'
complete -c ldirectord -n 'string match -q -- dump (__ldirectord_command)' -l show-secrets
complete -c ldirectord -n 'string match -q -- convert (__ldirectord_command)' -l to -xa 'cf yaml'
complete -c ldirectord -n 'string match -q -- table (__ldirectord_command)' -l live
complete -c ldirectord -n 'string match -q -- plan (__ldirectord_command)' -l assume -xa 'up down current'
complete -c ldirectord -n 'string match -q -- plan (__ldirectord_command)' -l from -rF
complete -c ldirectord -n 'string match -q -- plan (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- doctor (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- shadow (__ldirectord_command)' -l for -x
complete -c ldirectord -n 'string match -q -- shadow (__ldirectord_command)' -l json
complete -c ldirectord -n 'string match -q -- probe (__ldirectord_command)' -l real -x
complete -c ldirectord -n 'string match -q -- probe (__ldirectord_command)' -l virtual -x
complete -c ldirectord -n 'string match -q -- probe (__ldirectord_command)' -l json
complete -c ldirectord-py -w ldirectord
