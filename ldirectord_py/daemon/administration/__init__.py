"""What a restart keeps: above all what operators do to servers, until its time is over."""
