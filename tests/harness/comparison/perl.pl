# perl.pl PROGRAM TASK ROUNDS FILE...: loads the Perl original as a library and lets it read each configuration and, if the
# task is so, start over an empty table or check its servers, so many rounds. No command is run, no mail sent, no row
# written. Prints what came of each, as one JSON array. See perl.py.
use strict;
use warnings;
use JSON::PP;
use POSIX ();

my ($program, $task, $rounds, @files) = splice @ARGV;
open(my $answer, '>&', \*STDOUT) or die "standard output: $!";
open(STDOUT, '>&', \*STDERR) or die "standard error: $!";    # where it prints what it will

open(my $source, '<', $program) or die "$program: $!";
my $text = do { local $/; <$source> };
{    # in a block: an empty pattern would mean this one again
    $text =~ s/^ld_init\(\);.*?^(?=sub )//ms or die "$program: where is its main part?";
}
$SIG{PIPE} = 'IGNORE';    # as its main part does
$ENV{PERLIO} = 'perlio';    # or it starts itself again
eval "no strict; no warnings; $text; 1" or die "$program: $@";

our (@warnings, $error, @log, @verdicts, @commands);
no strict 'refs';
no warnings qw(redefine once);
*{'main::ld_log'} = sub { push @log, $_[0]; 0 };
*{'main::ld_rm_file'} = sub { 0 };
*{'main::ld_emailalert_send'} = sub { 0 };
*{'main::system_wrapper'} = sub { push @commands, "@_"; 0 };
*{'main::config_warn'} = sub { push @warnings, [@_] };
*{'main::config_error'} = sub { $error = [@_]; die "refused\n" };

my %variable = (
    autoreload       => 'AUTOCHECK',
    callback         => 'CALLBACK',
    checkcount       => 'CHECKCOUNT',
    checkinterval    => 'CHECKINTERVAL',
    checktimeout     => 'CHECKTIMEOUT',
    cleanstop        => 'CLEANSTOP',
    emailalert       => 'EMAILALERT',
    emailalertfreq   => 'EMAILALERTFREQ',
    emailalertfrom   => 'EMAILALERTFROM',
    emailalertstatus => 'EMAILALERTSTATUS',
    failurecount     => 'FAILURECOUNT',
    fallback         => 'FALLBACK',
    fallback6        => 'FALLBACK6',
    fallbackcommand  => 'FALLBACKCOMMAND',
    fork             => 'FORKING',
    logfile          => 'LDIRLOG',
    maintenancedir   => 'MAINTDIR',
    negotiatetimeout => 'NEGOTIATETIMEOUT',
    quiescent        => 'QUIESCENT',
    readdquiescent   => 'READDQUIESCENT',
    smtp             => 'SMTP',
    supervised       => 'SUPERVISED',
);

# Perl does not tell numbers from text: all is text.
sub plain {
    my ($value) = @_;
    return { map { $_ => plain($value->{$_}) } keys %$value } if ref $value eq 'HASH';
    return [map { plain($_) } @$value] if ref $value eq 'ARRAY';
    return defined $value ? "$value" : undef;
}

sub started {
    local *{'main::ld_read_ipvsadm'} = sub { {} };
    local *{'main::_ld_main_check_all'} = sub { 0 };
    return eval { main::ld_start(); 1 };
}

sub checked {
    local *{'main::service_set'} = sub {
        my ($virtual, $real, $state, undef, $message) = @_;
        push @verdicts, [main::get_virtual_id_str($virtual), "$real->{server}:$real->{port}", $state, $message];
    };
    $main::DAEMON_STATUS = $main::DAEMON_STATUS_RUNNING;
    return eval { main::_ld_main_check_all() for 1 .. $rounds; 1 };
}

sub asked {
    ($main::CONFIG) = @_;
    (@warnings, @log, @verdicts, @commands) = ();
    undef $error;
    $main::DAEMON_STATUS = $main::DAEMON_STATUS_STARTING;
    my $done = eval { main::read_config(); main::ld_setup(); 1 };
    my @virtuals = map { plain($_) } @main::VIRTUAL;
    $done &&= started() if $task eq 'start';
    $done &&= checked() if $task eq 'check';
    return {
        died     => $done || $error ? undef : "$@",
        error    => plain($error),
        warnings => plain(\@warnings),
        log      => plain(\@log),
        verdicts => plain(\@verdicts),
        commands => plain(\@commands),
        virtuals => \@virtuals,
        execute  => [sort keys %main::LD_INSTANCE],
        globals  => { map { $_ => plain(${"main::$variable{$_}"}) } keys %variable },
    };
}

$main::CFGNAME = 'test';
$main::HOSTNAME = (POSIX::uname())[1];
print $answer JSON::PP->new->ascii->canonical->encode([map { asked($_) } @files]);
close $answer or die "standard output: $!";
POSIX::_exit(0);
