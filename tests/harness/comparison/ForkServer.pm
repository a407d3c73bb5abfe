package ForkServer;

# A compiled program that forks where it would begin: `perl -MForkServer PROGRAM`. The program itself is unchanged.
#
# For each line of standard input, NAMESPACE, OUTPUT, variables as NAME=VALUE, and arguments, apart by tabs, a child
# begins the program in that network namespace; its pid is a line of standard output.

use strict;
use warnings;
use POSIX ();

my $CLONE_NEWNET = 0x40000000;
my %SETNS = (x86_64 => 308, aarch64 => 268);

sub enter {
    my ($namespace) = @_;
    open(my $handle, '<', $namespace) or die "$namespace: $!\n";
    syscall($SETNS{(POSIX::uname())[4]}, fileno($handle), $CLONE_NEWNET) == 0 or die "setns: $!\n";
    close($handle);
    return;
}

sub redirect {
    my ($output) = @_;
    open(STDIN, '<', '/dev/null') or die "/dev/null: $!\n";
    open(STDOUT, '>>', $output) or die "$output: $!\n";
    open(STDERR, '>&', \*STDOUT) or die "stderr: $!\n";
    return;
}

# Blocks of this kind run when the program is compiled, before its first statement.
INIT {
    $| = 1;
    $SIG{CHLD} = 'IGNORE';    # children are reaped by the kernel
    my $mother = 1;
    while ($mother and defined(my $line = <STDIN>)) {
        chomp $line;
        my $pid = fork() // die "fork: $!\n";
        if ($pid) {
            print "$pid\n";
            next;
        }
        $mother = 0;
        $| = 0;
        $SIG{CHLD} = 'DEFAULT';
        my ($namespace, $output, @words) = split /\t/, $line;
        enter($namespace);
        redirect($output);
        while (@words and $words[0] =~ /^(\w+)=(.*)/) {
            $ENV{$1} = $2;
            shift @words;
        }
        @ARGV = @words;
    }
    POSIX::_exit(0) if $mother;
}

1;
