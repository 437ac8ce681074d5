# Keeps a private Postgres exactly as long as somebody uses it.
#   $1  folder of the cluster    $2  pg_ctl    $3  half seconds to linger after the last user has left
# Standard input is the FIFO that every user holds open for writing; the kernel closes it even after kill -9.
# A user who joins writes one line with a name and waits for the file joined/<name>: then it is counted.
idle=0
while [ "$idle" -le "$3" ]; do
    if read -r name; then
        touch "$1/joined/$name"
        idle=0
    else
        idle=$((idle + 1))
        [ "$idle" -gt "$3" ] || sleep 0.5
    fi
done
exec </dev/null # from here on nobody can join: the FIFO has no reader
"$2" stop -D "$1/data" -m immediate -w -t 30
rm -rf "$1"
